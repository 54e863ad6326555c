// A server that a random walk calls, kills and starts again, and the calls of its callers and operators.
#ifndef LIKENESS_TESTS_INTEGRATION_WALK_WALK_SERVER_H_
#define LIKENESS_TESTS_INTEGRATION_WALK_WALK_SERVER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/client.h"
#include "client/model_client.h"
#include "tests/integration/server_process.h"
#include "tests/integration/walk/expected_gallery.h"

namespace likeness {

// Calls are thread-safe, and may run while the server is killed; the rest is one thread's.
class WalkServer {
 public:
  explicit WalkServer(std::vector<std::string> flags);

  // Starts it on the files that it left; puts what models its folder lacks back first.
  absl::Status Start();
  // As `kill -9` does.
  void Kill();
  // As an orchestrator does; its exit code.
  int Stop();
  bool runs() const { return server_ != nullptr; }

  // Makes the change and takes down what became of it.
  void Make(Change& change);

  absl::StatusOr<v1::VerifyResponse> Verify(const std::string& person, int face, int64_t min_revision);
  // What an enrolment under an id of its own would say of the face.
  absl::Status TryEnrolment(int face);
  absl::StatusOr<ListedPersons> List();
  // Digest of the model that the server answers by.
  absl::StatusOr<std::string> ActiveModel();
  // Whether it says that it can reach its gallery.
  bool GalleryServes();

  const std::string& folder() const { return folder_.path(); }
  std::string gallery_file() const { return folder_.path() + "/gallery.db"; }
  std::string models_folder() const { return folder_.path() + "/models"; }
  std::string LastOfLog() const;

 private:
  void Enrol(Change& change);
  void Activate(Change& change);

  const TemporaryFolder folder_;
  const std::vector<std::string> flags_;
  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<Client> client_;
  std::unique_ptr<ModelClient> models_;
};

}  // namespace likeness

#endif  // LIKENESS_TESTS_INTEGRATION_WALK_WALK_SERVER_H_
