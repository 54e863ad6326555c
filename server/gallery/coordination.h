// What the servers of a gallery agree on: which model answers, who is there, and which long operations run. It lives in
// the gallery, and every decision is made inside one of its transactions; times are by the database's clock.
#ifndef LIKENESS_SERVER_GALLERY_COORDINATION_H_
#define LIKENESS_SERVER_GALLERY_COORDINATION_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/gallery/model_choice.h"
#include "server/gallery/operation.h"

namespace likeness {

// A server that has not reported for so long is not there any more; one that reports every few seconds is.
inline constexpr absl::Duration kServerExpiry = absl::Seconds(20);
// An operation that was not renewed for so long may be taken over.
inline constexpr absl::Duration kOperationLease = absl::Seconds(10);

// A server of the gallery, by what it says of itself.
struct ServerRecord {
  std::string id;                            // of this run of it: random
  std::string name;                          // of its host, for people
  std::optional<ModelDigest> base = {};      // --model
  std::optional<ModelDigest> answers = {};   // by which it answers calls; none while it starts
  std::optional<ModelDigest> prepared = {};  // that it has loaded beside, to enrol by both and to answer by next
  std::optional<ModelDigest> lacks = {};     // that it should have, and cannot load
};

struct GalleryServers {
  ModelChoice choice;
  std::vector<ServerRecord> servers;  // that are there; in a gallery that is not shared, the one alone
  bool orphaned = false;              // whether nobody works on the activation that the choice names
};

struct ActivationRequest {
  ModelDigest model;
  ModelDigest base;  // of the server that asks
  bool leave_behind = false;
  OperationProgress progress = {};
};

struct BegunActivation {
  std::optional<OperationRecord> operation;  // none: the model is the active one already
  bool joined = false;                       // it had begun before
};

struct SwitchRequest {
  std::string operation;
  ModelDigest base;
  int64_t up_to = 0;  // the reference up to which all that can be embedded are
  OperationProgress progress = {};
};

struct SwitchResult {
  enum class Outcome { kSwitched, kMoreReferences, kServersNotPrepared };
  Outcome outcome = Outcome::kSwitched;
  int64_t revision = 0;  // of the gallery, with the model active
};

// An operation that somebody else works on, or has ended: absl::StatusCode::kAborted without a reason.
bool IsOperationLost(const absl::Status& status);

// Thread-safe. All methods may return STORE_FAILED.
class Coordination {
 public:
  virtual ~Coordination() = default;

  virtual absl::StatusOr<ModelChoice> ReadModelChoice() = 0;

  // Makes the server's record what `self` says, forgets those that are no longer there, and settles the choice when all
  // follow. Returns how things are then.
  virtual absl::StatusOr<GalleryServers> Report(const ServerRecord& self) = 0;
  // The server is not there any more.
  virtual absl::Status Leave(absl::string_view server_id) = 0;

  // Begins an activation, or finds the one of that model that runs. MODEL_NOT_ALLOWED; ACTIVATION_RUNNING while another
  // one has not ended.
  virtual absl::StatusOr<BegunActivation> BeginActivation(const ActivationRequest& request,
                                                          const OperationOwner& owner) = 0;
  // Makes the target the active model and ends the operation, if everybody has an embedding by it and every server that
  // is there is prepared or lacks it. IsOperationLost().
  virtual absl::StatusOr<SwitchResult> Switch(const SwitchRequest& request, const OperationOwner& owner) = 0;

  // Whether a model may be activated: MODEL_IN_USE, decided in the transaction, for one that is active, becoming so, or
  // answers calls anywhere or was given as a live server's --model. Forbids it otherwise; returns the revision after
  // it.
  virtual absl::StatusOr<int64_t> RetireModel(const ModelDigest& model, const ModelDigest& base) = 0;

  // Begins a key rotation, or finds the one that runs.
  virtual absl::StatusOr<OperationRecord> BeginKeyRotation(const OperationOwner& owner) = 0;
  // Notes progress and renews the lease. Returns the record: cancel_requested tells that it shall end.
  // IsOperationLost().
  virtual absl::StatusOr<OperationRecord> RenewOperation(absl::string_view name, const OperationOwner& owner,
                                                         const OperationProgress& progress) = 0;
  // Takes over an operation that nobody works on. IsOperationLost().
  virtual absl::StatusOr<OperationRecord> TakeOperation(absl::string_view name, const OperationOwner& owner) = 0;
  // Lets others go on with it: this server ends.
  virtual absl::Status ReleaseOperation(absl::string_view name, const OperationOwner& owner) = 0;
  // Ends it: with OK, an error, or CANCELLED. An activation that did not succeed leaves the active model. An operation
  // that somebody else works on is left alone: IsOperationLost().
  virtual absl::Status EndOperation(absl::string_view name, const OperationOwner& owner,
                                    const OperationProgress& progress, const absl::Status& outcome) = 0;

  // OPERATION_NOT_FOUND.
  virtual absl::StatusOr<OperationRecord> GetOperation(absl::string_view name) = 0;
  // The newest first, those that ended a week ago or longer left out.
  virtual absl::StatusOr<std::vector<OperationRecord>> ListOperations() = 0;
  // Asks its owner to end it; where nobody works on it, it ends at once. What has ended stays as it is.
  // OPERATION_NOT_FOUND.
  virtual absl::StatusOr<OperationRecord> CancelOperation(absl::string_view name) = 0;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_GALLERY_COORDINATION_H_
