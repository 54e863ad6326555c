#include "server/telemetry/line_writer.h"

#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace likeness {
namespace {

constexpr int kLookForEndMilliseconds = 100;

// What a descriptor does to whoever writes (SIGPIPE, SIGXFSZ) is an error of the write here, and the end of nothing.
void BlockSignals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

}  // namespace

LineWriter::LineWriter(Options options) : options_(std::move(options)), thread_([this] { Run(); }) {}

LineWriter::~LineWriter() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  thread_.join();
}

void LineWriter::Write(std::string line) noexcept {
  try {
    line += '\n';
    absl::MutexLock lock(&mutex_);
    if (waiting_bytes_ + line.size() <= options_.max_bytes) {
      const size_t bytes = line.size();
      waiting_.push_back(std::move(line));
      waiting_bytes_ += bytes;
      return;
    }
  } catch (...) {  // no memory for it
  }
  ++dropped_;
}

bool LineWriter::Flush(absl::Duration limit) {
  absl::MutexLock lock(&mutex_);
  return mutex_.AwaitWithTimeout(absl::Condition(this, &LineWriter::IsIdle), limit);
}

void LineWriter::Run() {
  BlockSignals();
  int64_t told = 0;
  std::deque<std::string> lines;
  while (true) {
    {
      absl::MutexLock lock(&mutex_);
      writing_ = false;
      mutex_.Await(absl::Condition(this, &LineWriter::HasWorkOrStops));
      if (stopping_) return;
      lines.swap(waiting_);
      waiting_bytes_ = 0;
      writing_ = true;
    }
    bool written = false;
    for (const std::string& line : lines) {
      written = WriteOut(line);
      if (!written) ++dropped_;
    }
    lines.clear();
    if (written && dropped_ > told && HasRoom()) {
      const int64_t dropped = dropped_;
      if (WriteOut(options_.tell_dropped(dropped - told) + "\n")) told = dropped;
    }
  }
}

bool LineWriter::HasRoom() {
  absl::MutexLock lock(&mutex_);
  return waiting_bytes_ <= options_.max_bytes / 2;
}

bool LineWriter::WriteOut(absl::string_view line) {
  std::string mended;
  if (torn_) line = mended = "\n" + std::string(line);
  size_t done = 0;
  while (done < line.size()) {
    // A pipe that has room has it for this much, so that the write itself does not wait.
    const size_t bytes = std::min<size_t>(line.size() - done, PIPE_BUF);
    if (!AwaitRoom()) break;
    const ssize_t wrote = write(options_.descriptor, line.data() + done, bytes);
    if (wrote > 0) done += static_cast<size_t>(wrote);
    if (wrote < 0 && errno != EINTR && errno != EAGAIN) break;
  }
  if (done > 0) torn_ = done < line.size();
  return done == line.size();
}

bool LineWriter::AwaitRoom() const {
  while (!stopping_) {
    pollfd descriptor{options_.descriptor, POLLOUT, 0};
    const int ready = poll(&descriptor, 1, kLookForEndMilliseconds);
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return true;  // the write tells what is wrong
  }
  return false;
}

}  // namespace likeness
