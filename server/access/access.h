// Who may call, and what: bearer tokens (RFC 6750) held against a file of hashed ones.
#ifndef LIKENESS_SERVER_ACCESS_ACCESS_H_
#define LIKENESS_SERVER_ACCESS_ACCESS_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/access/caller.h"
#include "server/access/token_file.h"
#include "server/files/secret_file.h"

namespace likeness {

// Who is told what depends on a reference beyond yes and no.
enum class ScoresPolicy {
  kAuto,  // who has a token with the scope; where there are no tokens, who calls on this machine alone
  kOn,    // everybody
  kOff,   // nobody
};

// Thread-safe.
class Access {
 public:
  // Lets everybody do everything, but scores only where `scores` is set.
  static std::unique_ptr<Access> Open(bool scores = true);

  // Lets in who has a token of the file. A file that has changed is read again within a second of the next call; one
  // that has become unreadable or malformed is logged and changes nothing. FAILED_PRECONDITION, naming file and line,
  // when it cannot be read now, has no token, or others than its owner and group may read or change it.
  static absl::StatusOr<std::unique_ptr<Access>> ByTokens(const std::string& path, std::function<absl::Time()> now,
                                                          ScoresPolicy scores = ScoresPolicy::kAuto);

  // The caller, by the value of the call's "authorization" metadata; one without a name when everybody may do
  // everything. TOKEN_MISSING, TOKEN_INVALID, TOKEN_EXPIRED, SCOPE_MISSING. Takes as long for one unknown token as for
  // another.
  absl::StatusOr<Caller> Authorize(absl::string_view authorization, Scope scope);

 private:
  using Entries = std::shared_ptr<const std::vector<TokenEntry>>;

  Access(std::string path, std::function<absl::Time()> now, ScoresPolicy scores);
  // The entries of the file as it is now, or was a second ago.
  absl::StatusOr<Entries> Current();

  const std::function<absl::Time()> now_;  // none: everybody may do everything
  const ScoresPolicy scores_;
  absl::Mutex mutex_;
  SecretFile file_ ABSL_GUARDED_BY(mutex_);
  Entries entries_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_ACCESS_ACCESS_H_
