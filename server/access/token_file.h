// The file of tokens that callers may come with: one line each, never the token itself.
//
//   # name   scopes         expires                hash
//   kiosk-3  verify         2027-01-01T00:00:00Z   d3a5…
//   desk     verify,enroll  2026-12-31T00:00:00Z   90fe…   rate=2.5 persons=1000
//
// `rate`, `persons` and `mismatches` are CallerLimits, and may be missing.
//
// A token has 256 random bits, so that its plain SHA-256 cannot be turned back; a password could be guessed.
#ifndef LIKENESS_SERVER_ACCESS_TOKEN_FILE_H_
#define LIKENESS_SERVER_ACCESS_TOKEN_FILE_H_

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/access/caller.h"
#include "server/hashing/sha256.h"

namespace likeness {

// What a caller may do.
enum class Scope {
  kVerify,  // Verify and Compare
  kScores,  // distances and likelihoods in their answers, and the choice of the threshold
  kEmbed,   // Embed
  kEnroll,  // Enroll, and all that reads or changes enrolled persons
  kTrain,   // TrainingService
  kAdmin,   // ModelService, GalleryService
};

// "verify", "scores", "embed", "enroll", "train" or "admin".
std::string ScopeName(Scope scope);
std::optional<Scope> ScopeNamed(absl::string_view name);

// A line of the file.
struct TokenEntry {
  std::string name;  // of the caller, for logs: 1 to 64 letters, digits, '.', '_' or '-'
  std::set<Scope> scopes;
  absl::Time expires;
  Sha256Digest hash{};  // of the token
  CallerLimits limits = {};
};

// INVALID_ARGUMENT, naming the line but not what is in it, for one that is malformed and for a name or a token that
// comes twice. Empty lines and those that begin with # are passed over.
absl::StatusOr<std::vector<TokenEntry>> ParseTokenFile(absl::string_view text);

// The entry's line, with its end.
std::string FormatTokenEntry(const TokenEntry& entry);

// A new token, by OpenSSL's randomness: "lk_" and 43 letters, digits, '-' or '_'. Throws std::runtime_error where the
// system has none to give.
std::string MakeToken();

}  // namespace likeness

#endif  // LIKENESS_SERVER_ACCESS_TOKEN_FILE_H_
