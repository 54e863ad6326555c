// Who may call, and what: bearer tokens (RFC 6750) held against a file of hashed ones.
#ifndef LIKENESS_SERVER_ACCESS_ACCESS_H_
#define LIKENESS_SERVER_ACCESS_ACCESS_H_

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/access/token_file.h"

namespace likeness {

// Thread-safe.
class Access {
 public:
  // Lets everybody do everything.
  static std::unique_ptr<Access> Open();

  // Lets in who has a token of the file. A file that has changed is read again within a second of the next call; one
  // that has become unreadable or malformed is logged and changes nothing. FAILED_PRECONDITION, naming file and line,
  // when it cannot be read now, has no token, or others than its owner and group may read or change it.
  static absl::StatusOr<std::unique_ptr<Access>> ByTokens(const std::string& path, std::function<absl::Time()> now);

  // The caller's name, by the value of the call's "authorization" metadata; "" when everybody may do everything.
  // TOKEN_MISSING, TOKEN_INVALID, TOKEN_EXPIRED, SCOPE_MISSING. Takes as long for one unknown token as for another.
  absl::StatusOr<std::string> Authorize(absl::string_view authorization, Scope scope);

 private:
  // What tells one state of a file from another.
  struct Stamp {
    std::filesystem::file_time_type time;
    uintmax_t size = 0;
    uint64_t inode = 0;
    friend bool operator==(const Stamp&, const Stamp&) = default;
  };
  using Entries = std::shared_ptr<const std::vector<TokenEntry>>;

  Access(std::string path, std::function<absl::Time()> now) : path_(std::move(path)), now_(std::move(now)) {}
  static absl::StatusOr<Stamp> StampOf(const std::string& path);
  static absl::StatusOr<Entries> Read(const std::string& path);
  // The entries of the file as it is now, or was a second ago.
  Entries Current();

  const std::string path_;  // empty: everybody
  const std::function<absl::Time()> now_;
  absl::Mutex mutex_;
  absl::Time looked_ ABSL_GUARDED_BY(mutex_);
  Stamp stamp_ ABSL_GUARDED_BY(mutex_);
  Entries entries_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_ACCESS_ACCESS_H_
