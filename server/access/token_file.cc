#include "server/access/token_file.h"

#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <stdexcept>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"

namespace likeness {
namespace {

constexpr std::pair<Scope, const char*> kScopeNames[] = {{Scope::kVerify, "verify"}, {Scope::kScores, "scores"},
                                                         {Scope::kEmbed, "embed"},   {Scope::kEnroll, "enroll"},
                                                         {Scope::kTrain, "train"},   {Scope::kAdmin, "admin"}};
constexpr size_t kMaxNameBytes = 64;
constexpr double kMaxRate = 1e9;
constexpr char kTokenPrefix[] = "lk_";  // for whoever searches a leak for secrets

bool IsName(absl::string_view text) {
  return !text.empty() && text.size() <= kMaxNameBytes && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '_' || c == '-';
  });
}

std::optional<std::set<Scope>> ParseScopes(absl::string_view text) {
  std::set<Scope> scopes;
  for (const absl::string_view name : absl::StrSplit(text, ',')) {
    const std::optional<Scope> scope = ScopeNamed(name);
    if (!scope.has_value()) return std::nullopt;
    scopes.insert(*scope);
  }
  return scopes;
}

std::optional<Sha256Digest> ParseHash(absl::string_view hex) {
  Sha256Digest hash;
  const bool digits =
      std::all_of(hex.begin(), hex.end(), [](char c) { return absl::ascii_isxdigit(static_cast<unsigned char>(c)); });
  if (!digits || hex.size() != 2 * hash.size()) return std::nullopt;
  const std::string bytes = absl::HexStringToBytes(hex);
  std::copy(bytes.begin(), bytes.end(), hash.begin());
  return hash;
}

// What is wrong with "rate=2.5" or "persons=1000"; empty when nothing is.
std::string ParseLimit(absl::string_view text, CallerLimits& limits) {
  double rate = 0;
  int64_t persons = 0, mismatches = 0;
  if (absl::ConsumePrefix(&text, "rate=")) {
    if (!absl::SimpleAtod(text, &rate) || !(rate > 0 && rate <= kMaxRate) || limits.calls_per_second.has_value()) {
      return "the rate must be calls a second, above 0, once";
    }
    limits.calls_per_second = rate;
    return "";
  }
  if (absl::ConsumePrefix(&text, "persons=")) {
    if (!absl::SimpleAtoi(text, &persons) || persons < 0 || limits.max_persons.has_value()) {
      return "the persons must be a number, once";
    }
    limits.max_persons = persons;
    return "";
  }
  if (absl::ConsumePrefix(&text, "mismatches=")) {
    if (!absl::SimpleAtoi(text, &mismatches) || mismatches < 0 || limits.mismatches.has_value()) {
      return "the mismatches must be a number an hour, once";
    }
    limits.mismatches = mismatches;
    return "";
  }
  return "after the hash there may be rate=NUMBER, persons=NUMBER and mismatches=NUMBER";
}

// What is wrong with the line; empty when nothing is.
std::string ParseEntry(absl::string_view line, TokenEntry& entry) {
  const std::vector<absl::string_view> fields = absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
  if (fields.size() < 4) return "must be: name scopes expires hash";
  if (!IsName(fields[0])) return "the name must be 1 to 64 letters, digits, '.', '_' or '-'";
  entry.name = std::string(fields[0]);
  std::optional<std::set<Scope>> scopes = ParseScopes(fields[1]);
  if (!scopes.has_value())
    return "the scopes must be verify, scores, embed, enroll, train or admin, separated by commas";
  entry.scopes = *std::move(scopes);
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, fields[2], &entry.expires, &error) ||
      entry.expires == absl::InfiniteFuture()) {
    return "the expiry must be a time such as 2027-01-01T00:00:00Z";
  }
  const std::optional<Sha256Digest> hash = ParseHash(fields[3]);
  if (!hash.has_value()) return "the hash must be 64 hex digits";
  entry.hash = *hash;
  for (const absl::string_view limit : absl::MakeSpan(fields).subspan(4)) {
    if (std::string wrong = ParseLimit(limit, entry.limits); !wrong.empty()) return wrong;
  }
  return "";
}

}  // namespace

std::string ScopeName(Scope scope) {
  const auto* found = std::find_if(std::begin(kScopeNames), std::end(kScopeNames),
                                   [scope](const auto& named) { return named.first == scope; });
  return found->second;
}

std::optional<Scope> ScopeNamed(absl::string_view name) {
  for (const auto& [scope, scope_name] : kScopeNames) {
    if (name == scope_name) return scope;
  }
  return std::nullopt;
}

absl::StatusOr<std::vector<TokenEntry>> ParseTokenFile(absl::string_view text) {
  std::vector<TokenEntry> entries;
  int number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    line = absl::StripAsciiWhitespace(line);
    if (line.empty() || line.front() == '#') continue;
    TokenEntry entry;
    std::string wrong = ParseEntry(line, entry);
    for (const TokenEntry& earlier : entries) {
      if (wrong.empty() && earlier.name == entry.name) wrong = "the name comes a second time";
      if (wrong.empty() && earlier.hash == entry.hash) wrong = "the token comes a second time";
    }
    if (!wrong.empty()) return absl::InvalidArgumentError(absl::StrCat("line ", number, ": ", wrong));
    entries.push_back(std::move(entry));
  }
  return entries;
}

std::string FormatTokenEntry(const TokenEntry& entry) {
  const std::string scopes =
      absl::StrJoin(entry.scopes, ",", [](std::string* out, Scope scope) { absl::StrAppend(out, ScopeName(scope)); });
  const std::string expires = absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", entry.expires, absl::UTCTimeZone());
  const absl::string_view hash(reinterpret_cast<const char*>(entry.hash.data()), entry.hash.size());
  const CallerLimits& limits = entry.limits;
  return absl::StrCat(entry.name, " ", scopes, " ", expires, " ", absl::BytesToHexString(hash),
                      limits.calls_per_second.has_value() ? absl::StrCat(" rate=", *limits.calls_per_second) : "",
                      limits.max_persons.has_value() ? absl::StrCat(" persons=", *limits.max_persons) : "",
                      limits.mismatches.has_value() ? absl::StrCat(" mismatches=", *limits.mismatches) : "", "\n");
}

std::string MakeToken() {
  std::array<unsigned char, 32> bytes;
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) {
    throw std::runtime_error("the system has no randomness to give");
  }
  return kTokenPrefix +
         absl::WebSafeBase64Escape(absl::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

}  // namespace likeness
