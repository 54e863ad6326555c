// When the calls of an open loop are sent: at times of their own, whatever the server does.
#ifndef LIKENESS_CLIENT_BENCH_SCHEDULE_H_
#define LIKENESS_CLIENT_BENCH_SCHEDULE_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <random>

namespace likeness {

using SteadyTime = std::chrono::steady_clock::time_point;

enum class Arrivals {
  kPoisson,  // each caller on its own: gaps are exponentially distributed
  kEven,     // equal gaps
};

// The intended times of calls. Not thread-safe.
class Schedule {
 public:
  // `calls_per_second` > 0. The same seed gives the same times.
  Schedule(double calls_per_second, Arrivals arrivals, uint32_t seed = 1);

  // When the next call is due, counted from the start; never earlier than the one before.
  std::chrono::nanoseconds Next();

 private:
  const double calls_per_second_;
  const Arrivals arrivals_;
  std::mt19937 random_;
  int64_t calls_ = 0;
  double seconds_ = 0;
};

// The time, and waiting for it. Tests have a time of their own.
struct Clock {
  std::function<SteadyTime()> now;
  std::function<void(SteadyTime)> sleep_until;
};
Clock RealClock();

// Calls `send` with the time each call is due, at that time, from `start` until `end` or until `send` returns false.
// When it falls behind, because a send takes long, it sends what is due at once and leaves nothing out: who counts
// latencies from the due times then sees all that the delay did to callers. A generator that measures from the actual
// send instead leaves out the very calls that a stall hits; Gil Tene calls that coordinated omission.
void SendWhenDue(Schedule schedule, SteadyTime start, SteadyTime end, const Clock& clock,
                 const std::function<bool(SteadyTime due)>& send);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_BENCH_SCHEDULE_H_
