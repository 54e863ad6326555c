// The server's configuration: one struct, filled by flags, environment variables and a file, validated once.
#ifndef LIKENESS_SERVER_CONFIG_SERVER_CONFIG_H_
#define LIKENESS_SERVER_CONFIG_SERVER_CONFIG_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/access/access.h"
#include "server/access/caller.h"
#include "server/access/mismatch_budget.h"
#include "server/audit/audit_trail.h"
#include "server/gallery/gallery.h"
#include "server/gallery/postgres_database.h"
#include "server/image/photo.h"
#include "server/image/quality_gate.h"
#include "server/inference/device.h"
#include "server/rpc/enroller.h"
#include "server/rpc/grpc_server.h"
#include "server/telemetry/log.h"
#include "server/trainings/training_jobs.h"
#include "server/verification/decision.h"

namespace likeness {

inline constexpr char kMetricsOff[] = "off";
// Has the text of a master key file, instead of a file.
inline constexpr char kMasterKeyVariable[] = "LIKENESS_MASTER_KEY";

// Where the gallery's master keys come from; from nowhere: it is not encrypted.
struct MasterKeySource {
  std::string file;
  std::string text;  // of the environment
};

struct ServerConfig {
  GrpcServerOptions grpc;
  std::string token_file;      // of the tokens that callers need; empty: they need none
  CallerLimits caller_limits;  // of callers whose tokens have none of their own
  ScoresPolicy scores = ScoresPolicy::kAuto;
  bool open_scores = false;                                // whether callers have scores where they need no tokens
  MismatchLimits mismatches = MismatchLimits::Standard();  // none where --mismatch-budget is off
  AuditOptions audit;
  bool insecure = false;  // whether it may be reached from elsewhere without TLS and a proof of who calls
  std::string metrics_address = "127.0.0.1:9464";  // kMetricsOff: no metrics server
  std::string model;                               // path of the embedding bundle
  std::string face_finder;                         // path of the face-finder bundle
  std::string device = "auto";
  Precision precision = Precision::kFp32;  // of the embedding network
  std::string gallery_path;                // of the SQLite file
  PostgresOptions postgres;                // with a url, instead of the file
  MasterKeySource master_key;
  GalleryOptions gallery;
  std::string models_folder;     // where trained models are kept; beside the gallery unless the flags say so
  std::string trainings_folder;  // where trainings are until they have ended; in models_folder unless the flags say so
  TrainingLimits training;
  int train_threads = 1;     // of the processor, at a low priority
  bool retain_crops = true;  // keep the aligned crop of each reference, so that another model can embed it
  ThresholdRule threshold;   // for requests without their own
  QualityGate quality_gate = QualityGate::kStandard;  // of an Enroll that names none
  QualityGate probe_gate = QualityGate::kStandard;    // of a Verify or Compare that names none
  ReferencePolicy reference_policy = ReferencePolicy::kMeanEmbedding;
  DuplicatePolicy duplicates = DuplicatePolicy::kReport;  // of a face that is enrolled under another id
  bool require_active_model = false;                      // end where somebody cannot be verified by the model
  bool reveal_duplicates = false;                         // whether callers are told that id
  PhotoLimits photo;
  // Crops that go through the network together; 1: no batching, 0 in the flags: 1 on the CPU and 32 on a GPU.
  int max_batch = 0;
  absl::Duration max_batch_delay = absl::Milliseconds(2);
  int workers = 0;         // threads that run networks; 0 in the flags means one a core, and is resolved by the parser
  int queue_limit = 64;    // calls that may wait for a worker
  int enroll_workers = 0;  // beside these, for calls that wait for the gallery; 0: half as many
  absl::Duration grace_period = absl::Seconds(30);
  absl::Duration drain_delay = absl::ZeroDuration();
  LogLevel log_level = LogLevel::kInfo;
  std::string ready_file;  // where to write the bound ports once the server is SERVING; empty: nowhere
};

// What the command line asked for: to serve, or to print something and exit.
struct CommandLine {
  ServerConfig config;
  bool exit = false;
  int exit_code = 0;
  std::string output;  // for standard output when exit_code is 0, otherwise for standard error
};

// Reads flags, then LIKENESS_… environment variables for flags not given, then the file that --config names.
CommandLine ParseCommandLine(int argc, const char* const* argv);

}  // namespace likeness

#endif  // LIKENESS_SERVER_CONFIG_SERVER_CONFIG_H_
