// A line on a terminal that is rewritten in place.
#ifndef LIKENESS_CLIENT_CLI_LIVE_LINE_H_
#define LIKENESS_CLIENT_CLI_LIVE_LINE_H_

#include <ostream>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace likeness {

// Not thread-safe. Shows nothing until the first Show().
class LiveLine {
 public:
  // `out` must outlive the line.
  explicit LiveLine(std::ostream& out) : out_(out) {}
  // Leaves what is shown, and goes to the next line.
  ~LiveLine();
  LiveLine(const LiveLine&) = delete;
  LiveLine& operator=(const LiveLine&) = delete;

  // Replaces what is shown. What is too long for the terminal is cut off, not wrapped.
  void Show(absl::string_view text);
  // Whether the last Show() is so recent that another would only flicker.
  bool IsFresh() const;
  // Writes a line that stays, above the one that is shown.
  void PrintAbove(absl::string_view text);

 private:
  std::ostream& out_;
  std::string shown_;
  absl::Time last_shown_ = absl::InfinitePast();
};

}  // namespace likeness

#endif  // LIKENESS_CLIENT_CLI_LIVE_LINE_H_
