// How far a long piece of work has come.
#ifndef LIKENESS_CLIENT_CLI_PROGRESS_BAR_H_
#define LIKENESS_CLIENT_CLI_PROGRESS_BAR_H_

#include <cstdint>
#include <ostream>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "client/cli/live_line.h"

namespace likeness {

// A bar of `width` characters, for example "[####      ]". 0 <= done <= total, total > 0.
std::string DrawBar(int64_t done, int64_t total, int width);

// Thread-safe. On a terminal, a bar that is redrawn in place; elsewhere, a line for every tenth of the work.
//
//   ProgressBar progress(std::cerr, isatty(STDERR_FILENO), "embedding photos", photos.size());
//   for (...) progress.Advance();
class ProgressBar {
 public:
  // `out` must outlive the bar; `total` > 0.
  ProgressBar(std::ostream& out, bool is_terminal, std::string label, int64_t total);
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  // One more of `total` is done.
  void Advance();
  // `done` of `total` are done: no fewer than before, and no more than all.
  void AdvanceTo(int64_t done);
  // Writes a line of its own, above the bar.
  void Print(absl::string_view text);

 private:
  void Update(int64_t done) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Redraw() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const bool is_terminal_;
  const std::string label_;
  const int64_t total_;
  const absl::Time start_;
  absl::Mutex mutex_;
  std::ostream& out_ ABSL_GUARDED_BY(mutex_);
  LiveLine line_ ABSL_GUARDED_BY(mutex_);
  int64_t done_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace likeness

#endif  // LIKENESS_CLIENT_CLI_PROGRESS_BAR_H_
