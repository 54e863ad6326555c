#include "client/bench/schedule.h"

#include <thread>

namespace likeness {

Schedule::Schedule(double calls_per_second, Arrivals arrivals, uint32_t seed)
    : calls_per_second_(calls_per_second), arrivals_(arrivals), random_(seed) {}

std::chrono::nanoseconds Schedule::Next() {
  if (arrivals_ == Arrivals::kEven) {
    seconds_ = static_cast<double>(calls_++) / calls_per_second_;  // not a sum, whose rounding would drift
  } else {
    seconds_ += std::exponential_distribution<double>(calls_per_second_)(random_);
  }
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(seconds_));
}

Clock RealClock() {
  return {[] { return std::chrono::steady_clock::now(); },
          [](SteadyTime time) { std::this_thread::sleep_until(time); }};
}

void SendWhenDue(Schedule schedule, SteadyTime start, SteadyTime end, const Clock& clock,
                 const std::function<bool(SteadyTime due)>& send) {
  for (SteadyTime due = start + schedule.Next(); due < end; due = start + schedule.Next()) {
    if (due > clock.now()) clock.sleep_until(due);
    if (!send(due)) return;
  }
}

}  // namespace likeness
