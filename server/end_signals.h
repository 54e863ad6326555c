// The signals that ask the server to end: SIGTERM and SIGINT.
#ifndef LIKENESS_SERVER_END_SIGNALS_H_
#define LIKENESS_SERVER_END_SIGNALS_H_

#include <signal.h>

namespace likeness {

// Blocks the signals in this thread and in all that it starts, so that Wait() alone gets them. Make one before the
// first thread is started.
class EndSignals {
 public:
  EndSignals();
  // Returns the signal that came, perhaps before the call.
  int Wait() const;

 private:
  sigset_t signals_;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_END_SIGNALS_H_
