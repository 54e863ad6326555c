#include "server/hashing/random_id.h"

#include <openssl/rand.h>

#include <stdexcept>

#include "absl/strings/escaping.h"

namespace likeness {

std::string RandomId() {
  unsigned char bytes[16];
  if (RAND_bytes(bytes, sizeof(bytes)) != 1) throw std::runtime_error("the system has no randomness to give");
  return absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(bytes), sizeof(bytes)));
}

}  // namespace likeness
