// What every fuzz target has: a function that is given any bytes, and must neither crash nor break a promise.
//
// Built by clang (`make fuzz`) it is libFuzzer's; built with the tests it runs over its corpus, as it is and a little
// altered (replay.cc).
#ifndef LIKENESS_TESTS_FUZZ_FUZZ_TARGET_H_
#define LIKENESS_TESTS_FUZZ_FUZZ_TARGET_H_

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "absl/strings/string_view.h"

// Returns 0.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace likeness {

inline absl::string_view TextOf(const uint8_t* data, size_t size) {
  return absl::string_view(reinterpret_cast<const char*>(data), size);
}

// Ends the program where a promise was broken.
inline void Promise(bool kept, const char* what) {
  if (kept) return;
  std::fprintf(stderr, "broken: %s\n", what);
  std::abort();
}

}  // namespace likeness

#endif  // LIKENESS_TESTS_FUZZ_FUZZ_TARGET_H_
