// The trainings of a server: a bounded queue, one that runs, and the records of those that have ended.
#ifndef LIKENESS_SERVER_TRAININGS_TRAINING_JOBS_H_
#define LIKENESS_SERVER_TRAININGS_TRAINING_JOBS_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "likeness/v1/training_service.pb.h"
#include "server/files/file_lock.h"
#include "server/hashing/sha256.h"
#include "server/models/generation.h"
#include "server/telemetry/metrics.h"
#include "server/threads/polite_thread.h"
#include "server/trainings/memory_room.h"
#include "server/trainings/training_work.h"

namespace likeness {

struct TrainingLimits {
  int max_photos = 10'000;               // of a training
  int64_t max_bytes = int64_t{2} << 30;  // of all its photos
  int max_queued = 8;                    // trainings that may wait
  // What the kernel leaves a training.
  std::function<std::optional<MemoryRoom>()> memory_room = [] { return ReadMemoryRoom(); };
};

// A training as it is now, and how often it has changed.
struct TrainingSnapshot {
  v1::Training training;
  int64_t changes = 0;
};

// Thread-safe. A training lives in a folder of its own: its record, and until it has ended its faces and its
// checkpoint. After a restart it goes on from there, unless the process ended twice while it ran.
class TrainingJobs {
 public:
  // Photos on their way to a training. Not thread-safe. What is not finished leaves nothing behind.
  class Upload {
   public:
    // Takes the next photo. An INVALID_ARGUMENT with a photo's reason means that it is left out and others may follow;
    // every other error ends the upload: TRAINING_DATA_TOO_LARGE, FIELD_INVALID for a label, that of `still_wanted`.
    absl::Status Add(const v1::LabelledPhoto& photo, StillWanted still_wanted);
    // Keeps in the record why a photo is left out.
    void NoteRejection(v1::RejectedPhoto photo) { rejections_.push_back(std::move(photo)); }
    // Queues the training; returns its id. TRAINING_DATA_TOO_SMALL, OVERLOADED, FIELD_INVALID for people to hold out,
    // TRAINING_NEEDS_MEMORY.
    absl::StatusOr<std::string> Finish();

   private:
    friend class TrainingJobs;
    Upload(TrainingJobs& jobs, v1::TrainingConfig config, BundleManifest base);

    TrainingJobs& jobs_;
    v1::TrainingConfig config_;
    const BundleManifest base_;  // what the base says of itself
    int photos_ = 0;
    int64_t bytes_ = 0;
    FieldHasher hasher_;  // of people and photos
    std::vector<v1::RejectedPhoto> rejections_;
    std::vector<TrainingFace> faces_;  // whose `person` is set by Finish()
    std::vector<std::string> labels_;  // of faces_
  };

  // Whether nothing of the training will change any more: it succeeded, failed or was cancelled.
  static bool HasEnded(const v1::Training& training);

  // Reads the folder, and begins to work on what waits. FAILED_PRECONDITION when the folder cannot be had, or another
  // server has it. All must outlive it.
  static absl::StatusOr<std::unique_ptr<TrainingJobs>> Open(const std::string& folder, TrainingLimits limits,
                                                            TrainingWork& work, const ActiveGeneration& active,
                                                            Metrics& metrics);
  // As Stop(), and waits for the training that runs.
  ~TrainingJobs();

  // Interrupts the training that runs, without waiting for it; it goes on after the next start. Nothing is begun any
  // more, and who waits for a training is told SHUTTING_DOWN.
  void Stop();

  // FIELD_INVALID, MODEL_NOT_FOUND, MODEL_CORRUPT, OVERLOADED.
  absl::StatusOr<std::unique_ptr<Upload>> Begin(const v1::TrainingConfig& config);

  // TRAINING_NOT_FOUND.
  absl::StatusOr<v1::Training> Get(const std::string& id) const;
  // The newest first, without what is long.
  std::vector<v1::Training> List() const;
  // Waits until the training has changed more often than `changes` times, or `limit` has passed. TRAINING_NOT_FOUND;
  // SHUTTING_DOWN.
  absl::StatusOr<TrainingSnapshot> AwaitChange(const std::string& id, int64_t changes, absl::Duration limit) const;
  // Notes, on the disk too, that it shall end, and returns it as it is then: ended where it waited; where it runs it
  // ends after its step or evaluation. TRAINING_NOT_FOUND; FAILED_PRECONDITION where it cannot be noted.
  absl::StatusOr<v1::Training> Cancel(const std::string& id);

 private:
  struct Job {
    TrainingSnapshot snapshot;
    int epochs = 0;  // that are counted
  };

  TrainingJobs(std::string folder, TrainingLimits limits, TrainingWork& work, const ActiveGeneration& active,
               Metrics& metrics);
  void ReadFolder();
  absl::Status CheckQueue() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<std::string> Enqueue(v1::Training training, const std::vector<TrainingFace>& faces);
  // TRAINING_NEEDS_MEMORY where there is not the room for a training of these faces. Looks at no network where no limit
  // is set.
  absl::Status CheckRoom(const std::optional<MemoryRoom>& room, const BaseModel& base, const v1::TrainingConfig& config,
                         const std::vector<TrainingFace>& faces) const;
  // The same for the next training, when none runs; reads the base only where a limit is set.
  absl::Status CheckRoomForNext(const v1::TrainingConfig& config, const std::vector<TrainingFace>& faces) const;
  // For the next training, when none runs.
  std::optional<MemoryRoom> RoomForNext() const;
  void RunJobs();
  void RunJob(const std::string& id);
  // How many processes ended while they ran the training, not counting those that interrupted it in good order.
  int CrashesOf(const std::string& id) const;
  absl::Status NoteAttempts(const std::string& id, int attempts) const;
  absl::Status RunOnFaces(const std::string& id, v1::Training& training);
  // Ends a job for good: its record says how, and its other files are gone.
  void EndJob(const std::string& id, v1::Training training, const absl::Status& outcome);
  // Everything of a training but its record.
  void RemoveWorkFiles(const std::string& id) const;
  // Whose being there says that the training shall end.
  std::string CancellationFile(const std::string& id) const;
  // How often the training was begun or gone on with, without the times that Stop() ended.
  std::string AttemptsFile(const std::string& id) const;
  absl::Status Note(const std::string& id, const v1::Training& training, bool durable);
  std::string FolderOf(const std::string& id) const;
  void CountJobs() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool HasWorkOrStops() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stopping_ || !queue_.empty(); }

  const std::string folder_;
  const TrainingLimits limits_;
  TrainingWork& work_;
  const ActiveGeneration& active_;
  Metrics& metrics_;
  const FileLock lock_;        // two servers on one folder would each go on with, and clear away, the other's trainings
  PoliteThread preparations_;  // finds base models, decodes and crops photos
  mutable absl::Mutex mutex_;
  std::map<std::string, Job> jobs_ ABSL_GUARDED_BY(mutex_);
  std::deque<std::string> queue_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool running_ ABSL_GUARDED_BY(mutex_) = false;  // a training
  std::optional<MemoryRoom> room_before_run_ ABSL_GUARDED_BY(mutex_);
  std::thread runner_;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_TRAININGS_TRAINING_JOBS_H_
