#include "client/unary_call.h"

#include <random>

namespace likeness {

absl::Duration WithJitter(absl::Duration wait) {
  thread_local std::minstd_rand random(std::random_device{}());
  return wait * std::uniform_real_distribution<double>(1, 1.5)(random);
}

}  // namespace likeness
