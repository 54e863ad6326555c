// A model of a server as a file.
#ifndef LIKENESS_CLIENT_MODEL_FILE_H_
#define LIKENESS_CLIENT_MODEL_FILE_H_

#include <cstdint>
#include <stop_token>
#include <string>

#include "absl/status/statusor.h"
#include "client/model_client.h"

namespace likeness {

// Writes the bundle of the model with this digest (64 lower-case hex digits) to `path`, and returns its size in bytes.
// It is held in memory, and takes its name, and the place of a file that has it, in one step when all bytes are there
// and their SHA-256 is the digest: no half or damaged model ever lies there. Errors: those of ExportModel; DATA_LOSS
// where the digest is another; FAILED_PRECONDITION where the file cannot be written.
absl::StatusOr<int64_t> ExportModelToFile(ModelClient& client, const std::string& digest, const std::string& path,
                                          std::stop_token stop = {});

}  // namespace likeness

#endif  // LIKENESS_CLIENT_MODEL_FILE_H_
