// Whole files, read and written.
#ifndef LIKENESS_SERVER_FILES_FILES_H_
#define LIKENESS_SERVER_FILES_FILES_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace likeness {

// NOT_FOUND when it cannot be opened, DATA_LOSS when it cannot be read; both name the file.
absl::StatusOr<std::string> ReadWholeFile(const std::string& path);

// Puts the file in place in one step: whoever opens `path` finds the whole content or what was there before, whenever
// the machine stops. When it returns OK the file is on disk. FAILED_PRECONDITION, naming the file, when it cannot be
// written.
absl::Status ReplaceFile(const std::string& path, absl::string_view content);

}  // namespace likeness

#endif  // LIKENESS_SERVER_FILES_FILES_H_
