// Fills the gallery's index in the background, so that an Enroll finds it there.
#ifndef LIKENESS_SERVER_GALLERY_INDEX_FILLER_H_
#define LIKENESS_SERVER_GALLERY_INDEX_FILLER_H_

#include <functional>
#include <optional>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/gallery/gallery.h"
#include "server/verification/embedding.h"

namespace likeness {

// On a thread of low priority. Begins at once, and again after another model has become the active one; keeps up with
// what is enrolled here and elsewhere. Gives way to calls that read on by themselves.
class IndexFiller {
 public:
  // `gallery` must outlive it. `model` says by what model the index is to be; it is asked on its thread, again and
  // again, and must return soon.
  IndexFiller(Gallery& gallery, std::function<ModelDigest()> model);
  // Ends the thread; returns when the page that it reads has come.
  ~IndexFiller();

 private:
  void Run();
  // One page at most; returns how long to wait before the next.
  absl::Duration Fill();
  // Whether it is to end; waits for that so long.
  bool AwaitStop(absl::Duration limit) const;

  Gallery& gallery_;
  const std::function<ModelDigest()> wanted_model_;
  mutable absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  // Of the thread alone.
  std::optional<ModelDigest> model_;  // that is being filled
  absl::Time begin_;
  bool told_ = false;
  std::thread thread_;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_GALLERY_INDEX_FILLER_H_
