// Lines on their way to a file descriptor that may stall, fill up or be closed.
#ifndef LIKENESS_SERVER_TELEMETRY_LINE_WRITER_H_
#define LIKENESS_SERVER_TELEMETRY_LINE_WRITER_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace likeness {

// Writes lines on a thread of its own, in the order in which they came. Whoever hands in a line waits for no one: lines
// wait in memory, as many bytes as allowed, and what comes when there is no more room is dropped. So is what the
// descriptor refuses. Thread-safe.
class LineWriter {
 public:
  struct Options {
    int descriptor = 2;           // stays the caller's
    size_t max_bytes = 4u << 20;  // that may wait; as many again may be on their way
    // The line that tells of so many dropped ones. It is written once, when lines are written again.
    std::function<std::string(int64_t dropped)> tell_dropped;
  };

  explicit LineWriter(Options options);
  // Gives up what is not written; waits for a write that the descriptor does not take back.
  ~LineWriter();
  LineWriter(const LineWriter&) = delete;
  LineWriter& operator=(const LineWriter&) = delete;

  // `line` without its end.
  void Write(std::string line) noexcept;

  // Returns when all lines handed in before are written or dropped, at the latest after `limit`; whether they are.
  bool Flush(absl::Duration limit);

  // Lines dropped since the start.
  int64_t dropped() const { return dropped_; }

 private:
  void Run();
  // Whether what is dropped is over for now.
  bool HasRoom();
  // Whether the whole line is written. False at the end of the writer, too.
  bool WriteOut(absl::string_view line);
  // Until the descriptor takes bytes, or has an error to tell. False at the end of the writer.
  bool AwaitRoom() const;

  bool HasWorkOrStops() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stopping_ || !waiting_.empty(); }
  bool IsIdle() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return !writing_ && waiting_.empty(); }

  const Options options_;
  std::atomic<int64_t> dropped_ = 0;
  std::atomic<bool> stopping_ = false;
  bool torn_ = false;  // the line before was written in part; of the thread alone
  absl::Mutex mutex_;
  std::deque<std::string> waiting_ ABSL_GUARDED_BY(mutex_);
  size_t waiting_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_TELEMETRY_LINE_WRITER_H_
