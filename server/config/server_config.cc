#include "server/config/server_config.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <istream>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "server/config/yaml_file.h"

namespace likeness {
namespace {

constexpr absl::string_view kSqliteScheme = "sqlite:";
constexpr absl::string_view kPostgresSchemes[] = {"postgres://", "postgresql://"};

// Values as the flags carry them, before they become the config's types.
struct RawValues {
  std::string gallery;
  double grace_seconds = 30;
  double drain_seconds = 0;
  double batch_delay_milliseconds = 2;
  double max_staleness_seconds = 30;
  double store_timeout_seconds = 2;
  bool plaintext_gallery = false;
  double caller_rate = 0;
  int64_t caller_persons = -1;
  std::string mismatch_budget = "auto";
  double connection_age_seconds = 0;
};

// --max-photo-bytes is also LIKENESS_MAX_PHOTO_BYTES.
std::string VariableFor(absl::string_view name) {
  return absl::AsciiStrToUpper(absl::StrReplaceAll(name, {{"--", "LIKENESS_"}, {"-", "_"}}));
}

// CLI::Range() lets "nan" pass.
CLI::Validator Between(double least, double most) {
  const std::string range = absl::StrCat("FLOAT in [", least, " - ", most, "]");
  return CLI::Validator(
      [=](const std::string& text) {
        double value = 0;
        const bool inside = absl::SimpleAtod(text, &value) && value >= least && value <= most;
        return inside ? std::string() : absl::StrCat("Value ", text, " not in range ", least, " to ", most);
      },
      range);
}

// The configuration file, but behind the environment: without the flags that a variable gives.
class FileBehindEnvironment : public YamlFile {
 public:
  // `app` has the flags, and outlives this.
  explicit FileBehindEnvironment(const CLI::App& app) : app_(app) {}

  std::vector<CLI::ConfigItem> from_config(std::istream& file) const override {
    std::vector<CLI::ConfigItem> items = YamlFile::from_config(file);
    const auto given = [this](const CLI::ConfigItem& item) {
      const std::string flag = absl::StrCat("--", item.name);
      if (app_.get_option_no_throw(flag) == nullptr) {
        throw CLI::FileError(absl::StrCat("configuration file: there is no flag ", flag));
      }
      const char* value = std::getenv(VariableFor(flag).c_str());
      return value != nullptr && *value != '\0';
    };
    items.erase(std::remove_if(items.begin(), items.end(), given), items.end());
    return items;
  }

 private:
  const CLI::App& app_;
};

template <typename Value>
CLI::Option* AddOption(CLI::App& app, const std::string& name, Value& value, const std::string& description) {
  return app.add_option(name, value, description)
      ->envname(VariableFor(name))
      ->capture_default_str()
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);  // so that a wrapper's flags can be overruled
}

void AddModelOptions(CLI::App& app, ServerConfig& config, RawValues& raw) {
  AddOption(app, "--model", config.model, "Embedding bundle (.pt)")->required()->check(CLI::ExistingFile);
  AddOption(app, "--face-finder", config.face_finder, "Face-finder bundle (.pt)")->required()->check(CLI::ExistingFile);
  AddOption(app, "--device", config.device, "Where networks run: auto, cpu, cuda or cuda:N");
  AddOption(app, "--precision", config.precision, "What the embedding network computes in: fp32, or fp16 on a GPU")
      ->transform(CLI::CheckedTransformer(
          std::map<std::string, Precision>{{"fp32", Precision::kFp32}, {"fp16", Precision::kFp16}}))
      ->default_str("fp32");
  AddOption(app, "--max-batch", config.max_batch,
            "Faces that go through the network together; 1: no batching, 0: 1 on the CPU and 32 on a GPU")
      ->check(CLI::Range(0, 256));
  AddOption(app, "--max-batch-delay", raw.batch_delay_milliseconds,
            "Milliseconds that the first face of a batch waits for others")
      ->check(Between(0, 1000));
  AddOption(app, "--target-fmr", config.threshold.target_fmr,
            "False match rate that the default threshold stands for, above 0 and below 1")
      ->check(Between(1e-9, 0.999999999));
  AddOption(app, "--threshold", config.threshold.unmeasured,
            "What decides with a model that was not measured at --target-fmr: measured (nothing: Verify and Compare do "
            "not answer), or half-margin, to try it at an unknown error rate")
      ->transform(CLI::CheckedTransformer(std::map<std::string, UnmeasuredPolicy>{
          {"measured", UnmeasuredPolicy::kRefuse}, {"half-margin", UnmeasuredPolicy::kHalfMargin}}))
      ->default_str("measured");
  const std::map<std::string, QualityGate> gates = {
      {"off", QualityGate::kOff}, {"standard", QualityGate::kStandard}, {"strict", QualityGate::kStrict}};
  AddOption(app, "--quality-gate", config.quality_gate,
            "How good a face must be for an Enroll that does not say: off, standard or strict")
      ->transform(CLI::CheckedTransformer(gates))
      ->default_str("standard");
  AddOption(app, "--probe-gate", config.probe_gate,
            "How good a face must be for a Verify or Compare that does not say: off, standard or strict")
      ->transform(CLI::CheckedTransformer(gates))
      ->default_str("standard");
  AddOption(app, "--reference-policy", config.reference_policy,
            "How a person's references decide together: nearest, mean-embedding or mean-distance")
      ->transform(CLI::CheckedTransformer(
          std::map<std::string, ReferencePolicy>{{"nearest", ReferencePolicy::kNearest},
                                                 {"mean-embedding", ReferencePolicy::kMeanEmbedding},
                                                 {"mean-distance", ReferencePolicy::kMeanDistance}}))
      ->default_str("mean-embedding");
  AddOption(app, "--duplicates", config.duplicates,
            "What becomes of a face to enrol that is enrolled under another id: off (nobody looks), report or refuse")
      ->transform(CLI::CheckedTransformer(std::map<std::string, DuplicatePolicy>{
          {"off", DuplicatePolicy::kOff}, {"report", DuplicatePolicy::kReport}, {"refuse", DuplicatePolicy::kRefuse}}))
      ->default_str("report");
  AddOption(app, "--reveal-duplicates", config.reveal_duplicates, "Whether callers are told that other id");
  AddOption(app, "--gallery", raw.gallery, "Where persons are kept: sqlite:PATH, or postgres://… for several servers")
      ->required();
  AddOption(app, "--master-key-file", config.master_key.file,
            "Master keys that the gallery is encrypted with; `likeness keys add` makes one")
      ->check(CLI::ExistingFile);
  AddOption(app, "--plaintext-gallery", raw.plaintext_gallery, "Keep embeddings and crops unencrypted");
  AddOption(app, "--max-staleness", raw.max_staleness_seconds,
            "Seconds for which persons in memory are verified while a shared gallery cannot be asked for changes")
      ->check(Between(1, 3600));
  AddOption(app, "--store-timeout", raw.store_timeout_seconds, "Seconds that a PostgreSQL gallery may take to answer")
      ->check(Between(0.1, 600));
  AddOption(app, "--store-connections", config.postgres.connections, "Connections to a PostgreSQL gallery")
      ->check(CLI::Range(1, 1000));
  AddOption(app, "--cached-references", config.gallery.cached_references, "References held in memory")
      ->check(CLI::NonNegativeNumber);
  AddOption(app, "--models-folder", config.models_folder, "Where trained models are kept; empty: GALLERY.models");
  AddOption(app, "--require-active-model", config.require_active_model,
            "End at the start where anybody is enrolled who has no embedding by the model that would answer");
  AddOption(app, "--trainings-folder", config.trainings_folder,
            "Where trainings and their records are kept, of one server alone; empty: trainings in the models folder");
  AddOption(app, "--retain-crops", config.retain_crops,
            "Whether the aligned crop of each reference is kept, so that another model can embed it anew");
  AddOption(app, "--train-threads", config.train_threads, "Processor threads of a training, at a low priority")
      ->check(CLI::Range(1, 1024));
  AddOption(app, "--max-training-photos", config.training.max_photos, "Photos a training may have")
      ->check(CLI::PositiveNumber);
  AddOption(app, "--max-training-bytes", config.training.max_bytes, "Bytes all photos of a training may have")
      ->check(CLI::PositiveNumber);
  AddOption(app, "--max-queued-trainings", config.training.max_queued, "Trainings that may wait for the one that runs")
      ->check(CLI::NonNegativeNumber);
  AddOption(app, "--max-references", config.gallery.max_references_per_person, "References a person may have")
      ->check(CLI::PositiveNumber);
}

void AddServingOptions(CLI::App& app, ServerConfig& config, RawValues& raw) {
  AddOption(app, "--address", config.grpc.address, "Where gRPC listens; port 0 takes a free one");
  AddOption(app, "--tls-certificate", config.grpc.tls.certificate,
            "Certificate chain (PEM); read again when it changes")
      ->check(CLI::ExistingFile);
  AddOption(app, "--tls-key", config.grpc.tls.key, "Key of the certificate (PEM)")->check(CLI::ExistingFile);
  AddOption(app, "--tls-client-ca", config.grpc.tls.client_ca,
            "Callers must have a certificate by one of these authorities (PEM)")
      ->check(CLI::ExistingFile);
  AddOption(app, "--tokens", config.token_file,
            "Callers must have a token of this file; `likeness tokens add` makes them")
      ->check(CLI::ExistingFile);
  AddOption(app, "--insecure", config.insecure,
            "Listen to other machines although there is no TLS, or nothing that says who calls");
  AddOption(app, "--caller-rate", raw.caller_rate, "Calls a second that each caller may make; 0: any number")
      ->check(Between(0, 1e9));
  AddOption(app, "--caller-persons", raw.caller_persons, "People whom each caller may have enrolled; -1: any number")
      ->check(CLI::Range(int64_t{-1}, std::numeric_limits<int64_t>::max()));
  const std::map<std::string, ScoresPolicy> policies{
      {"auto", ScoresPolicy::kAuto}, {"on", ScoresPolicy::kOn}, {"off", ScoresPolicy::kOff}};
  AddOption(app, "--scores", config.scores,
            "Who is told distances and may choose thresholds in Verify and Enroll: auto (tokens with the scope scores; "
            "without tokens whoever calls on this machine alone), on or off")
      ->transform(CLI::CheckedTransformer(policies))
      ->default_str("auto");
  AddOption(app, "--mismatch-budget", raw.mismatch_budget,
            "Whether faces that are not a person's are counted and bounded: auto (where there are tokens), on or off")
      ->check(CLI::IsMember({"auto", "on", "off"}));
  AddOption(app, "--caller-person-mismatches", config.mismatches.caller_and_person,
            "Faces an hour that a caller may try at a person who is somebody else; 0: any number")
      ->check(CLI::NonNegativeNumber);
  AddOption(app, "--person-mismatches", config.mismatches.person,
            "Faces an hour that all callers together may try at a person; 0: any number")
      ->check(CLI::NonNegativeNumber);
  AddOption(app, "--caller-mismatches", config.mismatches.caller,
            "Faces an hour that a caller may try in vain at all people together; 0: any number")
      ->check(CLI::NonNegativeNumber);
  AddOption(app, "--audit", config.audit.file,
            "File for a line on each Verify and each change, or stdout; empty: no audit trail");
  AddOption(app, "--audit-bytes", config.audit.max_bytes, "Size at which the file is put aside as FILE.1")
      ->check(CLI::Range(int64_t{4096}, std::numeric_limits<int64_t>::max()));
  AddOption(app, "--audit-files", config.audit.kept_files, "Files put aside that are kept")
      ->check(CLI::Range(1, 100'000));
  AddOption(app, "--channelz", config.grpc.channelz, "Whether gRPC channelz answers, with addresses of callers");
  AddOption(app, "--metrics-address", config.metrics_address,
            "Where /metrics is scraped; port 0 takes a free one, 'off' turns it off");
  AddOption(app, "--workers", config.workers, "Threads that answer Verify, Compare and Embed; 0: one a core")
      ->check(CLI::Range(0, 1024));
  AddOption(app, "--queue", config.queue_limit, "Calls that may wait for a worker; more are refused")
      ->check(CLI::Range(0, 1'000'000));
  AddOption(app, "--enroll-workers", config.enroll_workers,
            "Threads beside these for Enroll and other calls that wait for the gallery; 0: half as many, at least one")
      ->check(CLI::Range(0, 1024));
  AddOption(app, "--max-message-bytes", config.grpc.max_message_bytes, "Largest request")->check(CLI::PositiveNumber);
  AddOption(app, "--max-photo-bytes", config.photo.max_bytes, "Largest photo in bytes")->check(CLI::PositiveNumber);
  AddOption(app, "--max-photo-pixels", config.photo.max_pixels, "Largest photo in pixels")->check(CLI::PositiveNumber);
  AddOption(app, "--max-photo-seconds", config.photo.max_seconds,
            "Processor time that decoding a photo may take; dearer ones are refused")
      ->check(Between(0.01, 60));
  AddOption(app, "--max-connection-age", raw.connection_age_seconds,
            "Seconds after which a caller has to connect anew, and so sees servers that were added; 0: never")
      ->check(Between(0, 1e6));
  AddOption(app, "--reflection", config.grpc.reflection, "Whether gRPC reflection answers");
  AddOption(app, "--grace-period", raw.grace_seconds, "Seconds that calls in flight get at the end")
      ->check(Between(0, 3600));
  AddOption(app, "--drain-delay", raw.drain_seconds, "Seconds between NOT_SERVING and refusing calls at the end")
      ->check(Between(0, 3600));
  AddOption(app, "--log-level", config.log_level, "debug, info, warning or error")
      ->transform(CLI::CheckedTransformer(std::map<std::string, LogLevel>{{"debug", LogLevel::kDebug},
                                                                          {"info", LogLevel::kInfo},
                                                                          {"warning", LogLevel::kWarning},
                                                                          {"error", LogLevel::kError}}))
      ->default_str("info");
  AddOption(app, "--ready-file", config.ready_file, "File to write the bound ports to, as JSON, once serving");
}

// Whether nobody but this machine can reach the address: "127.0.0.1:1", "localhost:1", "[::1]:1" or "unix:PATH".
bool IsLoopback(absl::string_view address) {
  if (absl::StartsWith(address, "unix:")) return true;
  const size_t colon = address.rfind(':');
  absl::string_view host = address.substr(0, colon);
  if (host == "localhost") return true;
  if (absl::ConsumePrefix(&host, "[") && !absl::ConsumeSuffix(&host, "]")) return false;
  in_addr ipv4;
  if (inet_pton(AF_INET, std::string(host).c_str(), &ipv4) == 1) return ntohl(ipv4.s_addr) >> 24 == 127;
  in6_addr ipv6;
  return inet_pton(AF_INET6, std::string(host).c_str(), &ipv6) == 1 && IN6_IS_ADDR_LOOPBACK(&ipv6);
}

// Why it would not be safe to serve. Empty when it is.
std::string CheckAccess(const ServerConfig& config) {
  const TlsFiles& tls = config.grpc.tls;
  if (tls.certificate.empty() != tls.key.empty()) return "--tls-certificate and --tls-key belong together";
  if (!tls.client_ca.empty() && tls.certificate.empty()) return "--tls-client-ca needs --tls-certificate";
  if (config.insecure || IsLoopback(config.grpc.address)) return "";
  if (!tls.certificate.empty() && (!config.token_file.empty() || !tls.client_ca.empty())) return "";
  return absl::StrCat(
      "other machines can reach --address ", config.grpc.address,
      ": give --tls-certificate and --tls-key, and --tokens or --tls-client-ca; or say --insecure=true");
}

// Which store --gallery names. Empty when all is well.
std::string FinishGallery(ServerConfig& config, const RawValues& raw) {
  absl::string_view gallery = raw.gallery;
  if (absl::StartsWith(gallery, kPostgresSchemes[0]) || absl::StartsWith(gallery, kPostgresSchemes[1])) {
    config.postgres.url = raw.gallery;
    if (config.models_folder.empty()) return "a PostgreSQL gallery needs --models-folder";
  } else if (absl::ConsumePrefix(&gallery, kSqliteScheme) && !gallery.empty()) {
    config.gallery_path = std::string(gallery);
    if (config.models_folder.empty()) config.models_folder = config.gallery_path + ".models";
  } else {
    // The text itself may have a password in it.
    return "--gallery must be sqlite:PATH or postgres://…";
  }
  if (config.trainings_folder.empty()) config.trainings_folder = config.models_folder + "/trainings";
  config.gallery.max_staleness = absl::Seconds(raw.max_staleness_seconds);
  config.postgres.timeout = absl::Seconds(raw.store_timeout_seconds);
  return "";
}

// Faces are not left in the open by mistake. Empty when all is well.
std::string FinishMasterKey(ServerConfig& config, bool plaintext) {
  const char* text = std::getenv(kMasterKeyVariable);
  config.master_key.text = text == nullptr ? "" : text;
  const bool file = !config.master_key.file.empty(), variable = !config.master_key.text.empty();
  if (file && variable) return absl::StrCat("--master-key-file and ", kMasterKeyVariable, " exclude each other");
  if (plaintext && (file || variable)) return "--plaintext-gallery and a master key exclude each other";
  if (plaintext || file || variable) return "";
  return "the gallery needs a master key: give --master-key-file (`likeness keys add` makes one); or say "
         "--plaintext-gallery=true";
}

// Which budgets count. Empty when all is well.
std::string FinishMismatches(ServerConfig& config, const RawValues& raw) {
  MismatchLimits& limits = config.mismatches;
  const bool on = raw.mismatch_budget == "on" || (raw.mismatch_budget == "auto" && !config.token_file.empty());
  if (!on) limits = {};
  if (limits.person == 0 || limits.caller_and_person == 0 || limits.person > limits.caller_and_person) return "";
  // Otherwise one caller could keep everybody from verifying a person.
  return "--person-mismatches must be more than --caller-person-mismatches";
}

// What the flags' own checks cannot see. Empty when all is well.
std::string Finish(ServerConfig& config, const RawValues& raw) {
  if (std::string wrong = FinishGallery(config, raw); !wrong.empty()) return wrong;
  if (std::string wrong = FinishMasterKey(config, raw.plaintext_gallery); !wrong.empty()) return wrong;
  if (config.photo.max_bytes > config.grpc.max_message_bytes) {
    return "--max-photo-bytes must not exceed --max-message-bytes";
  }
  if (std::string unsafe = CheckAccess(config); !unsafe.empty()) return unsafe;
  if (raw.caller_rate > 0) config.caller_limits.calls_per_second = raw.caller_rate;
  if (raw.caller_persons >= 0) config.caller_limits.max_persons = raw.caller_persons;
  if (std::string wrong = FinishMismatches(config, raw); !wrong.empty()) return wrong;
  config.open_scores =
      config.scores == ScoresPolicy::kOn || (config.scores == ScoresPolicy::kAuto && IsLoopback(config.grpc.address));
  if (config.workers == 0) config.workers = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  if (raw.connection_age_seconds > 0) config.grpc.max_connection_age = absl::Seconds(raw.connection_age_seconds);
  config.grace_period = absl::Seconds(raw.grace_seconds);
  config.drain_delay = absl::Seconds(raw.drain_seconds);
  config.max_batch_delay = absl::Milliseconds(raw.batch_delay_milliseconds);
  return "";
}

}  // namespace

CommandLine ParseCommandLine(int argc, const char* const* argv) {
  CommandLine result;
  RawValues raw;
  CLI::App app("likeness-server: face verification over gRPC", "likeness-server");
  app.set_version_flag("--version", "likeness-server " LIKENESS_VERSION);
  app.config_formatter(std::make_shared<FileBehindEnvironment>(app));
  app.allow_config_extras(CLI::config_extras_mode::error);
  app.set_config("--config", "", "Configuration file (YAML): one 'flag: value' a line, without the dashes");
  AddModelOptions(app, result.config, raw);
  AddServingOptions(app, result.config, raw);
  try {
    app.parse(argc, argv);
    result.output = Finish(result.config, raw);
    if (!result.output.empty()) throw CLI::ValidationError(result.output);
  } catch (const CLI::ParseError& error) {
    std::ostringstream out;
    std::ostringstream err;
    result.exit = true;
    result.exit_code = app.exit(error, out, err) == 0 ? 0 : 2;
    result.output = result.exit_code == 0 ? out.str() : err.str();
  }
  return result;
}

}  // namespace likeness
