#include "client/training/markup.h"

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace likeness {

std::string EscapeMarkup(absl::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        if (absl::ascii_iscntrl(static_cast<unsigned char>(c)) && c != '\n' && c != '\t') {
          escaped += "\xEF\xBF\xBD";
        } else {
          escaped += c;
        }
    }
  }
  return escaped;
}

std::string PhotoUri(absl::string_view file_name, absl::string_view bytes) {
  const char* type = absl::EndsWithIgnoreCase(file_name, ".jpg") || absl::EndsWithIgnoreCase(file_name, ".jpeg")
                         ? "jpeg"
                     : absl::EndsWithIgnoreCase(file_name, ".png")  ? "png"
                     : absl::EndsWithIgnoreCase(file_name, ".webp") ? "webp"
                                                                    : nullptr;
  if (type == nullptr) return "";
  return absl::StrCat("data:image/", type, ";base64,", absl::Base64Escape(bytes));
}

}  // namespace likeness
