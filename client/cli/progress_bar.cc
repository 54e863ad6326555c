#include "client/cli/progress_bar.h"

#include <cstddef>
#include <utility>

#include "absl/strings/str_format.h"
#include "absl/time/clock.h"

namespace likeness {
namespace {

constexpr int64_t kWidth = 30;
constexpr absl::Duration kRedrawInterval = absl::Milliseconds(100);

}  // namespace

ProgressBar::ProgressBar(std::ostream& out, bool is_terminal, std::string label, int64_t total)
    : is_terminal_(is_terminal), label_(std::move(label)), total_(total), start_(absl::Now()), out_(out) {}

ProgressBar::~ProgressBar() {
  absl::MutexLock lock(&mutex_);
  if (is_terminal_ && done_ > 0) out_ << std::endl;
}

void ProgressBar::Advance() {
  absl::MutexLock lock(&mutex_);
  ++done_;
  if (is_terminal_) {
    if (done_ == total_ || absl::Now() - last_redraw_ >= kRedrawInterval) Redraw();
  } else if (10 * done_ / total_ > 10 * (done_ - 1) / total_) {
    PrintLine();
  }
}

void ProgressBar::Redraw() {
  last_redraw_ = absl::Now();
  const absl::Duration left = (last_redraw_ - start_) * (total_ - done_) / done_;
  const std::string bar(static_cast<size_t>(kWidth * done_ / total_), '#');
  out_ << absl::StrFormat("\r%s [%-*s] %3d %%, %d of %d, %d s left ", label_, static_cast<int>(kWidth), bar,
                          100 * done_ / total_, done_, total_, absl::ToInt64Seconds(left))
       << "\x1b[K" << std::flush;  // clears what a longer line has left behind
}

void ProgressBar::PrintLine() {
  out_ << absl::StrFormat("%s: %d %%, %d of %d\n", label_, 100 * done_ / total_, done_, total_) << std::flush;
}

}  // namespace likeness
