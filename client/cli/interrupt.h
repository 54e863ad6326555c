// Ctrl-C during a command that has something to say or to clean up before it ends.
#ifndef LIKENESS_CLIENT_CLI_INTERRUPT_H_
#define LIKENESS_CLIENT_CLI_INTERRUPT_H_

#include <stop_token>
#include <thread>

namespace likeness {

// While it lives, the first Ctrl-C asks the command to end instead of ending the process; the second one ends it. One
// at a time in a process. Thread-safe once made.
//
//   const InterruptGuard guard;
//   client.Watch(id, on_training, guard.token());
//   if (guard.interrupted()) ...
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  bool interrupted() const;
  // Is stopped a moment after Ctrl-C.
  std::stop_token token() const { return source_.get_token(); }

 private:
  void (*previous_)(int);
  std::stop_source source_;
  std::jthread watcher_;  // a signal handler itself may not request a stop
};

}  // namespace likeness

#endif  // LIKENESS_CLIENT_CLI_INTERRUPT_H_
