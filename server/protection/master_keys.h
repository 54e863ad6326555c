// The keys that persons' own keys are wrapped with.
//
// A key a line, 64 hex digits each; `likeness keys add` writes one. The first wraps, the others only unwrap what they
// wrapped when they were the first:
//
//   # added 2026-11-24
//   5d0c…
//   # added 2026-01-07
//   90fe…
#ifndef LIKENESS_SERVER_PROTECTION_MASTER_KEYS_H_
#define LIKENESS_SERVER_PROTECTION_MASTER_KEYS_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "server/files/secret_file.h"
#include "server/protection/aes_gcm.h"

namespace likeness {

// A master key, and the 8 bytes by which what it wrapped names it.
struct MasterKey {
  std::string id;  // the first 8 bytes of a SHA-256 over it
  SecretKey key;
};

// INVALID_ARGUMENT, naming the line but not what is in it, for one that is malformed, for a key that comes twice, and
// where there is none. Empty lines and those that begin with # are passed over.
absl::StatusOr<std::vector<MasterKey>> ParseMasterKeys(absl::string_view text);

// The line of a new key, with its end.
std::string MakeMasterKeyLine();

// Thread-safe.
class MasterKeys {
 public:
  // A wrapped key: the master key's id, the ciphertext, its proof.
  static constexpr size_t kIdBytes = 8;
  // The id of the master key that wrapped it.
  static absl::string_view IdIn(absl::string_view wrapped) { return wrapped.substr(0, kIdBytes); }

  // By the file's text, which is read again when the file changes. FAILED_PRECONDITION, naming the file, when it cannot
  // be read, is malformed, or others than its owner and group may read or change it.
  static absl::StatusOr<std::unique_ptr<MasterKeys>> FromFile(const std::string& path);
  // By such a text itself, from `source`, which errors name.
  static absl::StatusOr<std::unique_ptr<MasterKeys>> FromText(absl::string_view text, absl::string_view source);

  std::string Wrap(const SecretKey& key, absl::string_view person_id);
  // With the master key that wrapped `like`. MASTER_KEY_MISSING when it is not there.
  absl::StatusOr<std::string> WrapLike(absl::string_view like, const SecretKey& key, absl::string_view person_id);
  // MASTER_KEY_MISSING when the master key that wrapped it is not there; STORE_CORRUPT when it is damaged or another
  // person's.
  absl::StatusOr<SecretKey> Unwrap(absl::string_view wrapped, absl::string_view person_id);
  // Whether the first key wrapped it.
  bool IsCurrent(absl::string_view wrapped);
  // Whether one of the keys wrapped it, by its name.
  bool Knows(absl::string_view wrapped);

 private:
  using Keys = std::shared_ptr<const std::vector<MasterKey>>;

  explicit MasterKeys(std::unique_ptr<SecretFile> file) : file_(std::move(file)) {}
  // As the file has them now; as it had them before when it cannot be read.
  Keys Current();
  static const MasterKey* Find(const std::vector<MasterKey>& keys, absl::string_view wrapped);

  absl::Mutex mutex_;
  const std::unique_ptr<SecretFile> file_ ABSL_PT_GUARDED_BY(mutex_);  // none: the keys never change
  Keys keys_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_PROTECTION_MASTER_KEYS_H_
