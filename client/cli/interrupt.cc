#include "client/cli/interrupt.h"

#include <chrono>
#include <condition_variable>
#include <csignal>
#include <mutex>

namespace likeness {
namespace {

constexpr auto kPollInterval = std::chrono::milliseconds(20);

// Set by Ctrl-C.
volatile std::sig_atomic_t interrupt_requested = 0;

}  // namespace

InterruptGuard::InterruptGuard() {
  interrupt_requested = 0;
  previous_ = std::signal(SIGINT, [](int) {
    interrupt_requested = 1;
    std::signal(SIGINT, SIG_DFL);  // the second one ends the process
  });
  watcher_ = std::jthread([this](const std::stop_token& ended) {
    std::mutex mutex;
    std::condition_variable_any wait;
    // Only because waiting wants one: nothing is shared.
    std::unique_lock lock(mutex);  // cppcheck-suppress localMutex
    while (!ended.stop_requested() && !interrupted()) wait.wait_for(lock, ended, kPollInterval, [] { return false; });
    if (interrupted()) source_.request_stop();
  });
}

InterruptGuard::~InterruptGuard() {
  watcher_.request_stop();
  watcher_.join();
  std::signal(SIGINT, previous_);
}

bool InterruptGuard::interrupted() const { return interrupt_requested != 0; }

}  // namespace likeness
