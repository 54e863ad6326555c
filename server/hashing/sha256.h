// SHA-256 (FIPS 180-4), by OpenSSL.
#ifndef LIKENESS_SERVER_HASHING_SHA256_H_
#define LIKENESS_SERVER_HASHING_SHA256_H_

#include <array>
#include <cstdint>
#include <memory>

#include "absl/strings/string_view.h"

namespace likeness {

using Sha256Digest = std::array<uint8_t, 32>;

Sha256Digest Sha256(absl::string_view bytes);

// The digest of a list of fields. Each is preceded by its length, so that no two lists share their bytes.
// Not thread-safe.
class FieldHasher {
 public:
  FieldHasher();
  ~FieldHasher();

  void Add(absl::string_view field);
  // Ends the list; to be called once.
  Sha256Digest Finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_HASHING_SHA256_H_
