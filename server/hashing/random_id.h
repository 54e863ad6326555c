// Ids that nobody can guess or meet twice.
#ifndef LIKENESS_SERVER_HASHING_RANDOM_ID_H_
#define LIKENESS_SERVER_HASHING_RANDOM_ID_H_

#include <string>

namespace likeness {

// 128 bits of OpenSSL's randomness as 32 lower-case hexadecimal digits. Throws std::runtime_error where the system has
// none to give. Thread-safe.
std::string RandomId();

}  // namespace likeness

#endif  // LIKENESS_SERVER_HASHING_RANDOM_ID_H_
