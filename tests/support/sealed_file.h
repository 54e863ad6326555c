// A file with the seal of a bundle, for tests that do not look inside.
#ifndef LIKENESS_TESTS_SUPPORT_SEALED_FILE_H_
#define LIKENESS_TESTS_SUPPORT_SEALED_FILE_H_

#include <string>

#include "server/seal/seal.h"

namespace likeness {

// `content` and the end record of an empty zip archive, sealed.
inline std::string SealedFile(const std::string& content) {
  return *SealArchive(content + "PK\x05\x06" + std::string(18, '\0'));
}

}  // namespace likeness

#endif  // LIKENESS_TESTS_SUPPORT_SEALED_FILE_H_
