// What a command shows of a training while it waits for the end.
#ifndef LIKENESS_CLIENT_CLI_TRAINING_DISPLAY_H_
#define LIKENESS_CLIENT_CLI_TRAINING_DISPLAY_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "client/cli/invocation.h"
#include "client/cli/live_line.h"
#include "client/cli/progress_bar.h"
#include "likeness/v1/training_service.pb.h"

namespace likeness {

// Thread-safe. Writes to the console's error stream: on a terminal a bar that is redrawn in place, elsewhere a line for
// each tenth of the photos and for each epoch. With --json only on a terminal, since a program finds nothing but errors
// there.
class TrainingDisplay {
 public:
  // `invocation` must outlive it; `photos` are still to be sent: 0 for a training that is only watched.
  TrainingDisplay(const Invocation& invocation, int64_t photos);
  TrainingDisplay(const TrainingDisplay&) = delete;
  TrainingDisplay& operator=(const TrainingDisplay&) = delete;

  void PhotoSent();
  void PhotoRejected(absl::string_view file_name, const v1::RejectedPhoto& photo);
  void Show(const v1::Training& training);
  // A line of its own.
  void Note(const std::string& text);
  // Ends the line that is shown, so that others can follow.
  void End();

 private:
  void Print(const std::string& text) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Console& console_;
  const bool shows_anything_;
  absl::Mutex mutex_;
  std::optional<ProgressBar> sending_ ABSL_GUARDED_BY(mutex_);  // until the training is queued
  std::optional<LiveLine> line_ ABSL_GUARDED_BY(mutex_);        // while it runs, on a terminal
  v1::TrainingState state_ ABSL_GUARDED_BY(mutex_) = v1::TRAINING_STATE_UNSPECIFIED;
  int printed_epochs_ ABSL_GUARDED_BY(mutex_) = 0;
  bool told_of_end_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace likeness

#endif  // LIKENESS_CLIENT_CLI_TRAINING_DISPLAY_H_
