// Bundles that are wrong, made from exported ones (docs/bundle.md).
#ifndef LIKENESS_TESTS_SUPPORT_BUNDLES_H_
#define LIKENESS_TESTS_SUPPORT_BUNDLES_H_

#include <string>

#include "absl/strings/string_view.h"

namespace likeness {

// What the seal is taken over: the file without it.
std::string BodyOf(absl::string_view bundle);

// The body with a seal that matches it.
std::string Seal(absl::string_view body);

// The bundle with the first `from` replaced by `to`, which is of the same length, and sealed anew: likeness.json lies
// in the archive uncompressed, and its checksum in the zip file is not looked at by LibTorch.
std::string EditAndSeal(absl::string_view bundle, absl::string_view from, absl::string_view to);

}  // namespace likeness

#endif  // LIKENESS_TESTS_SUPPORT_BUNDLES_H_
