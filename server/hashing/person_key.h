// A person in logs: tells persons apart without telling who they are.
#ifndef LIKENESS_SERVER_HASHING_PERSON_KEY_H_
#define LIKENESS_SERVER_HASHING_PERSON_KEY_H_

#include <algorithm>
#include <array>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "server/hashing/sha256.h"

namespace likeness {

// The first 16 bytes of a SHA-256 over the person_id. Whoever can guess an id can recognise its key.
using PersonKey = std::array<uint8_t, 16>;

inline PersonKey PersonKeyOf(absl::string_view person_id) {
  const Sha256Digest digest = Sha256(person_id);
  PersonKey key;
  std::copy_n(digest.begin(), key.size(), key.begin());
  return key;
}

}  // namespace likeness

#endif  // LIKENESS_SERVER_HASHING_PERSON_KEY_H_
