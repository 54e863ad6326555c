// Keeps a gallery up with what other servers change in it.
#ifndef LIKENESS_SERVER_GALLERY_CHANGE_FOLLOWER_H_
#define LIKENESS_SERVER_GALLERY_CHANGE_FOLLOWER_H_

#include <functional>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "server/gallery/gallery.h"

namespace likeness {

// Asks for changes when the store says that there are some, and twice a second in any case. Of a gallery that is not
// shared it finds out only whether the store can still be asked.
class ChangeFollower {
 public:
  // Both are called on the follower's thread, and must return soon.
  struct Callbacks {
    // Called every few seconds, and at once when which model answers may have changed: also how this server tells the
    // others that it is there.
    std::function<absl::Status()> follow_models;
    // Whether the store could be asked, and nothing was thrown over it; at every change of that, and of whether the
    // gallery is intact.
    std::function<void(bool)> on_reachable;
  };

  // `gallery` must outlive it.
  ChangeFollower(Gallery& gallery, Callbacks callbacks);
  ~ChangeFollower();

 private:
  void Run();
  // One round; returns whether the store could be asked.
  bool Sync();
  void FollowModels();
  bool Stopping() const {
    absl::MutexLock lock(&mutex_);
    return stopping_;
  }

  Gallery& gallery_;
  const Callbacks callbacks_;
  mutable absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  // Of the follower's thread alone.
  int64_t model_changes_ = 0;
  absl::Time next_models_;
  absl::Time next_forgetting_;
  std::string complaint_;
  std::thread thread_;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_GALLERY_CHANGE_FOLLOWER_H_
