// Photos named on the command line.
#ifndef LIKENESS_CLIENT_CLI_PHOTO_FILE_H_
#define LIKENESS_CLIENT_CLI_PHOTO_FILE_H_

#include <istream>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "likeness/v1/types.pb.h"

namespace likeness {

// The bytes of a file. What they are is for the server to judge. NOT_FOUND where it cannot be read.
absl::StatusOr<std::string> ReadPhotoFile(const std::string& path);

// The bytes of the files at `paths`, in their order; `-`, at most once, reads `in` to its end.
// INVALID_ARGUMENT where it is named twice; otherwise as ReadPhotoFile().
absl::StatusOr<std::vector<std::string>> ReadPhotos(const std::vector<std::string>& paths, std::istream& in);

// Adds --face only|largest|central to a command that sends photos. `policy` must outlive the parsing.
void AddFaceOption(CLI::App& command, v1::FacePolicy& policy);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_CLI_PHOTO_FILE_H_
