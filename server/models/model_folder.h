// The models that a server has: the one it was started with, and those that were trained, in a folder beside the
// gallery.
#ifndef LIKENESS_SERVER_MODELS_MODEL_FOLDER_H_
#define LIKENESS_SERVER_MODELS_MODEL_FOLDER_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/embedding/bundle.h"
#include "server/verification/embedding.h"

namespace likeness {

// What is known of a model without loading its network.
struct ModelEntry {
  ModelDigest digest;
  std::string path;  // of its bundle
  BundleManifest manifest;
  absl::Time create_time;
  std::string training_id;  // empty: not trained here
};

// Thread-safe. The folder holds, for each trained model, its bundle DIGEST.pt, and DIGEST.json: the bundle's
// likeness.json and where it came from. Each is put in place in one step, the bundle first; what has no
// DIGEST.json was put there by somebody. A bundle is held against its digest when it is used, and one without a
// DIGEST.json also before it is in the list.
class ModelFolder {
 public:
  // Reads the folder, which is made where necessary. `base` is the model that the server was started with.
  // FAILED_PRECONDITION when the folder cannot be had; a damaged entry is found out by Find().
  static absl::StatusOr<std::unique_ptr<ModelFolder>> Open(const std::string& folder, ModelEntry base);

  const ModelEntry& base() const { return base_; }

  // The base first, then the others that are not damaged, the newest first; also those that came to the folder since.
  std::vector<ModelEntry> List() const;

  // MODEL_NOT_FOUND; MODEL_CORRUPT, with what is wrong, when its DIGEST.json is damaged.
  absl::StatusOr<ModelEntry> Find(const ModelDigest& digest) const;

  // Holds its file against its digest: MODEL_CORRUPT.
  static absl::Status Check(const ModelEntry& entry) { return ReadBundle(entry).status(); }

  // The bytes of its bundle file, checked against the digest: MODEL_CORRUPT. MODEL_NOT_FOUND.
  absl::StatusOr<std::string> Read(const ModelDigest& digest) const;

  // Adds a bundle, given as its file's bytes, whose likeness.json is `manifest_json`. One that is there already stays
  // as it is. FAILED_PRECONDITION when it is no bundle or cannot be written.
  absl::StatusOr<ModelEntry> Add(absl::string_view bundle, const std::string& manifest_json,
                                 absl::string_view training_id, absl::Time now);

  // Removes its files. MODEL_NOT_FOUND; MODEL_IN_USE for the base.
  absl::Status Delete(const ModelDigest& digest);

 private:
  ModelFolder(std::string folder, ModelEntry base);
  absl::StatusOr<ModelEntry> ReadEntry(const ModelDigest& digest) const;
  void ReadNewcomers() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Of a bundle that came to the folder after it was opened. MODEL_NOT_FOUND, MODEL_CORRUPT.
  absl::StatusOr<ModelEntry> ReadNewcomer(const ModelDigest& digest) const;
  static absl::StatusOr<std::string> ReadBundle(const ModelEntry& entry);
  std::string PathOf(const ModelDigest& digest, absl::string_view suffix) const;

  const std::string folder_;
  const ModelEntry base_;
  mutable absl::Mutex mutex_;
  // By digest in hex; an error where the file is damaged.
  mutable std::map<std::string, absl::StatusOr<ModelEntry>> trained_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_MODELS_MODEL_FOLDER_H_
