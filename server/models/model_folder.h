// The models that a server has: the one it was started with, and those that were trained, in a folder beside the
// gallery.
#ifndef LIKENESS_SERVER_MODELS_MODEL_FOLDER_H_
#define LIKENESS_SERVER_MODELS_MODEL_FOLDER_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/embedding/bundle.h"
#include "server/files/file_stamp.h"
#include "server/seal/verified_bundle.h"
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

// A model whose bundle has been read and held against its digest.
struct VerifiedModel : ModelEntry {
  VerifiedBundle bundle;
};

// Thread-safe. The folder holds, for each trained model, its bundle DIGEST.pt, and DIGEST.json: the bundle's
// likeness.json and where it came from. Each is put in place in one step, the bundle first; what has no
// DIGEST.json was put there by somebody. Others may change the folder at any time, servers of the same gallery among
// them: it is looked at anew in each call, and what is not wholly there, or is not what its name says, is no model.
class ModelFolder {
 public:
  // Makes the folder where necessary. `base` is the model that the server was started with. FAILED_PRECONDITION when
  // the folder cannot be had.
  static absl::StatusOr<std::unique_ptr<ModelFolder>> Open(const std::string& folder, ModelEntry base);

  const ModelEntry& base() const { return base_; }

  // The base first, then the others that are not damaged, the newest first.
  std::vector<ModelEntry> List() const;

  // Of files that have not changed since they were last read and found to be whole, only their times are looked at.
  // MODEL_NOT_FOUND; MODEL_CORRUPT, with what is wrong.
  absl::StatusOr<ModelEntry> Find(const ModelDigest& digest) const;

  // Reads the model's bundle, once, and holds it against seal and digest. MODEL_NOT_FOUND, MODEL_CORRUPT.
  absl::StatusOr<VerifiedModel> Read(const ModelDigest& digest) const;

  // Adds a bundle, given as its file's bytes, whose likeness.json is `manifest_json`. One that is there already stays
  // as it is. FAILED_PRECONDITION when it is no bundle or cannot be written.
  absl::StatusOr<ModelEntry> Add(absl::string_view bundle, const std::string& manifest_json,
                                 absl::string_view training_id, absl::Time now);

  // Removes its files. MODEL_NOT_FOUND; MODEL_IN_USE for the base.
  absl::Status Delete(const ModelDigest& digest);

 private:
  ModelFolder(std::string folder, ModelEntry base);
  // What was read, and the files that it was read from, as FileStamp tells them apart.
  struct Known {
    FileStamp bundle;
    std::optional<FileStamp> description;
    absl::StatusOr<ModelEntry> entry;
  };

  absl::StatusOr<ModelEntry> Look(const ModelDigest& digest) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Sets what its DIGEST.json says, or the bundle itself where there is none.
  absl::Status Describe(VerifiedModel& model) const;
  std::string PathOf(const ModelDigest& digest, absl::string_view suffix) const;

  const std::string folder_;
  const ModelEntry base_;
  mutable absl::Mutex mutex_;
  mutable std::map<std::string, Known> known_ ABSL_GUARDED_BY(mutex_);  // by digest in hex
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_MODELS_MODEL_FOLDER_H_
