#include "client/cli/progress_bar.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/strings/str_format.h"
#include "absl/time/clock.h"

namespace likeness {
namespace {

constexpr int kWidth = 30;

}  // namespace

std::string DrawBar(int64_t done, int64_t total, int width) {
  return absl::StrFormat("[%-*s]", width, std::string(static_cast<size_t>(width * done / total), '#'));
}

ProgressBar::ProgressBar(std::ostream& out, bool is_terminal, std::string label, int64_t total)
    : is_terminal_(is_terminal), label_(std::move(label)), total_(total), start_(absl::Now()), out_(out), line_(out) {}

void ProgressBar::Advance() {
  absl::MutexLock lock(&mutex_);
  Update(done_ + 1);
}

void ProgressBar::AdvanceTo(int64_t done) {
  absl::MutexLock lock(&mutex_);
  if (done > done_) Update(std::min(done, total_));
}

void ProgressBar::Print(absl::string_view text) {
  absl::MutexLock lock(&mutex_);
  line_.PrintAbove(text);
}

void ProgressBar::Update(int64_t done) {
  const int64_t tenths_before = 10 * done_ / total_;
  done_ = done;
  if (is_terminal_) {
    if (done_ == total_ || !line_.IsFresh()) Redraw();
  } else if (10 * done_ / total_ > tenths_before) {
    out_ << absl::StrFormat("%s: %d %%, %d of %d\n", label_, 100 * done_ / total_, done_, total_) << std::flush;
  }
}

void ProgressBar::Redraw() {
  const absl::Duration left = (absl::Now() - start_) * (total_ - done_) / done_;
  line_.Show(absl::StrFormat("%s %s %3d %%, %d of %d, %d s left ", label_, DrawBar(done_, total_, kWidth),
                             100 * done_ / total_, done_, total_, absl::ToInt64Seconds(left)));
}

}  // namespace likeness
