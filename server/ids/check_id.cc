#include "server/ids/check_id.h"

#include <cstdint>
#include <optional>

#include "absl/strings/str_cat.h"
#include "server/errors/errors.h"

namespace likeness {
namespace {

// Takes one character off the front of `text`, which is not empty; nothing where it is not UTF-8 (RFC 3629: no longer
// form than is needed, no surrogates, nothing above U+10FFFF).
std::optional<char32_t> TakeCharacter(absl::string_view& text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  const size_t size = first < 0x80 ? 1 : first < 0xC0 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF8 ? 4 : 0;
  if (size == 0 || text.size() < size) return std::nullopt;
  char32_t character = size == 1 ? first : first & (0x7F >> size);
  for (size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return std::nullopt;
    character = character << 6 | (byte(i) & 0x3F);
  }
  constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (character < kLeast[size] || character > 0x10FFFF || (character >= 0xD800 && character <= 0xDFFF)) {
    return std::nullopt;
  }
  text.remove_prefix(size);
  return character;
}

bool IsControl(char32_t c) { return c < 0x20 || (c >= 0x7F && c <= 0x9F) || c == 0x2028 || c == 0x2029; }

bool SetsDirection(char32_t c) {
  return c == 0x061C || c == 0x200E || c == 0x200F || (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

}  // namespace

absl::Status CheckId(absl::string_view field, absl::string_view id, const IdRule& rule) {
  if (id.size() < rule.min_bytes || id.size() > rule.max_bytes) {
    return InvalidField(
        field, absl::StrCat(field, " must have ", rule.min_bytes, " to ", rule.max_bytes, " bytes, not ", id.size()));
  }
  for (absl::string_view rest = id; !rest.empty();) {
    const std::optional<char32_t> c = TakeCharacter(rest);
    if (!c.has_value()) return InvalidField(field, absl::StrCat(field, " is not UTF-8"));
    if (*c == 0) return InvalidField(field, absl::StrCat(field, " contains a NUL"));
    if (rule.printable && IsControl(*c)) {
      return InvalidField(field, absl::StrCat(field, " contains a control character"));
    }
    if (rule.printable && SetsDirection(*c)) {
      return InvalidField(field, absl::StrCat(field, " contains a character that changes the direction of writing"));
    }
  }
  return absl::OkStatus();
}

}  // namespace likeness
