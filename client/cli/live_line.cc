#include "client/cli/live_line.h"

#include "absl/time/clock.h"

namespace likeness {
namespace {

constexpr absl::Duration kFresh = absl::Milliseconds(100);
constexpr char kClearRest[] = "\x1b[K";  // of the line, that a longer one has left behind
constexpr char kWrapOff[] = "\x1b[?7l";
constexpr char kWrapOn[] = "\x1b[?7h";

}  // namespace

LiveLine::~LiveLine() {
  if (!shown_.empty()) out_ << std::endl;
}

void LiveLine::Show(absl::string_view text) {
  shown_ = std::string(text);
  last_shown_ = absl::Now();
  out_ << '\r' << kWrapOff << shown_ << kWrapOn << kClearRest << std::flush;
}

bool LiveLine::IsFresh() const { return absl::Now() - last_shown_ < kFresh; }

void LiveLine::PrintAbove(absl::string_view text) {
  if (!shown_.empty()) out_ << '\r' << kClearRest;
  out_ << text << '\n';
  if (!shown_.empty()) Show(shown_);
  out_ << std::flush;
}

}  // namespace likeness
