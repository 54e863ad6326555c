// What gRPC, queue, copies, locks, metrics and log add to a Verify call, as a part of the whole call.
//
//   service_benchmark --photo small.jpg --models build/models
//
// Measures the processor time per call three times a round, taking turns:
//   served  the real service over loopback, with an embedder that returns at once
//   direct  the same method with the same embedder, called as a function
//   whole   the method with the real networks, called as a function
// The callers are another process, so what they take is not counted. Prints one JSON object.
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "client/client.h"
#include "server/embedding/torch_embedder.h"
#include "server/hashing/random_id.h"
#include "server/rpc/face_verification_service.h"
#include "server/rpc/grpc_server.h"
#include "tests/integration/photos.h"
#include "tests/integration/server_process.h"
#include "tests/support/fake_embedder.h"
#include "tests/support/stores.h"

namespace likeness {
namespace {

constexpr char kPerson[] = "ada";
constexpr int kCallers = 4;

struct Options {
  std::string photo;
  std::string models;
  int rounds = 7;
  int calls = 1000;      // in a round, of those without networks
  int whole_calls = 60;  // in a round, of those with networks
};

v1::VerifyRequest VerifyRequestWith(const std::string& photo) {
  v1::VerifyRequest request;
  request.set_person_id(kPerson);
  request.set_photo(photo);
  return request;
}

// Another process that calls Verify. Made before this one has any thread.
class Callers {
 public:
  explicit Callers(const v1::VerifyRequest& request) {
    if (pipe(orders_) != 0 || pipe(reports_) != 0) throw std::runtime_error("no pipe");
    child_ = fork();
    if (child_ < 0) throw std::runtime_error("no process for the callers");
    if (child_ == 0) {
      close(orders_[1]);  // so that it ends when the benchmark does
      Obey(request);
    }
  }
  ~Callers() {
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
  }

  // Makes so many calls to the server, and returns when all are answered.
  void Call(int port, int calls) {
    const int order[2] = {port, calls};
    int failed = 0;
    if (write(orders_[1], order, sizeof(order)) != sizeof(order) ||
        read(reports_[0], &failed, sizeof(failed)) != sizeof(failed)) {
      throw std::runtime_error("the callers have gone");
    }
    if (failed != 0) throw std::runtime_error("calls failed");
  }

 private:
  [[noreturn]] void Obey(const v1::VerifyRequest& request) {
    std::unique_ptr<Client> client;
    for (int order[2]; read(orders_[0], order, sizeof(order)) == sizeof(order);) {
      if (!client) client = std::make_unique<Client>(Client::Options{"127.0.0.1:" + std::to_string(order[0])});
      std::atomic<int> left = order[1];
      std::atomic<int> failed = 0;
      std::vector<std::thread> threads;
      for (int i = 0; i < kCallers; ++i) {
        threads.emplace_back([&] {
          while (left-- > 0) failed += !client->Verify(request).ok();
        });
      }
      for (std::thread& thread : threads) thread.join();
      const int report = failed;
      if (write(reports_[1], &report, sizeof(report)) != sizeof(report)) break;
    }
    _exit(0);
  }

  int orders_[2];
  int reports_[2];
  pid_t child_;
};

double ProcessorMilliseconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto milliseconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) / 1e3;
  };
  return milliseconds(usage.ru_utime) + milliseconds(usage.ru_stime);
}

double PerCall(int calls, const std::function<void()>& run) {
  const double start = ProcessorMilliseconds();
  run();
  return (ProcessorMilliseconds() - start) / calls;
}

template <typename T>
T OrThrow(absl::StatusOr<T> result) {
  if (!result.ok()) throw std::runtime_error(std::string(result.status().message()));
  return *std::move(result);
}

// The methods of the service on a gallery with one person.
class Methods {
 public:
  Methods(const FaceFinder& finder, const Embedder& embedder, const std::string& gallery, const std::string& photo)
      : encoder_(finder, PhotoLimits{}, metrics_),
        active_({std::shared_ptr<const Embedder>(std::shared_ptr<void>(), &embedder),
                 Threshold{.distance = 1, .source = ThresholdSource::kHalfMargin, .point = {}}}),
        gallery_(OrThrow(Gallery::Open(OrThrow(OpenSqliteStore(gallery)), {}, metrics_))),
        methods_(encoder_, active_, *gallery_, budget_, metrics_,
                 {.enrolling = {/*retain_crops=*/false, RandomId, absl::Now}}) {
    v1::EnrollRequest request;
    request.set_person_id(kPerson);
    request.add_photos(photo);
    v1::EnrollResponse response;
    Check(methods_.Enroll(
        request, Caller(), [] { return absl::OkStatus(); }, response));
  }

  void Verify(const v1::VerifyRequest& request, int calls) {
    for (int i = 0; i < calls; ++i) {
      v1::VerifyResponse response;
      Check(methods_.Verify(
          request, Caller(), [] { return absl::OkStatus(); }, response));
    }
  }

  FaceVerification& service() { return methods_; }
  Metrics& metrics() { return metrics_; }

 private:
  static void Check(const absl::Status& status) {
    if (!status.ok()) throw std::runtime_error(std::string(status.message()));
  }

  Metrics metrics_;
  FaceEncoder encoder_;
  ActiveGeneration active_;  // the embedder is the caller's
  std::unique_ptr<Gallery> gallery_;
  MismatchBudget budget_;
  FaceVerification methods_;
};

double Median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

nlohmann::json Benchmark(const Options& options) {
  const std::string photo = ReadFile(options.photo);
  const v1::VerifyRequest request = VerifyRequestWith(photo);
  Callers callers(request);  // first: a process with threads must not fork

  const FaceFinder finder = OrThrow(FaceFinder::Load(options.models + "/face-finder.pt", Device{}));
  const auto network = OrThrow(TorchEmbedder::Load(options.models + "/mobilefacenet-192.pt", Device{}));
  FakeEmbedder at_once;
  at_once.embed = [](const Picture&) { return std::vector<float>{1, 0, 0}; };
  const TemporaryFolder folder;
  Methods fast(finder, at_once, folder.path() + "/fast.db", photo);
  Methods whole(finder, *network, folder.path() + "/whole.db", photo);

  WorkPool pool({1, 64, [&fast](int64_t depth) { fast.metrics().SetQueueDepth(depth); }});
  const std::unique_ptr<Access> access = Access::Open();
  CallAdmission admission(*access, {}, absl::Now);
  OpenCalls open_calls;
  CallDispatcher dispatcher(pool, admission, open_calls, fast.metrics());
  const auto audit = OrThrow(AuditTrail::Open({}));
  FaceVerificationService service(fast.service(), dispatcher, *audit);
  const auto server = OrThrow(GrpcServer::Start({.address = "127.0.0.1:0"}, {&service}, {}));
  server->SetServing(true);

  callers.Call(server->port(), options.calls);
  fast.Verify(request, options.calls);
  whole.Verify(request, options.whole_calls);
  std::vector<double> served_ms, direct_ms, whole_ms, shares;
  for (int round = 0; round < options.rounds; ++round) {
    served_ms.push_back(PerCall(options.calls, [&] { callers.Call(server->port(), options.calls); }));
    direct_ms.push_back(PerCall(options.calls, [&] { fast.Verify(request, options.calls); }));
    whole_ms.push_back(PerCall(options.whole_calls, [&] { whole.Verify(request, options.whole_calls); }));
    const double service_ms = served_ms.back() - direct_ms.back();
    shares.push_back(service_ms / (service_ms + whole_ms.back()));
  }
  open_calls.Drain(absl::Seconds(10));
  server->ShutDown();
  return {{"served_ms", Median(served_ms)},
          {"direct_ms", Median(direct_ms)},
          {"whole_ms", Median(whole_ms)},
          {"service_share", Median(shares)},
          {"service_shares", shares}};
}

}  // namespace
}  // namespace likeness

int main(int argc, char** argv) {
  likeness::Options options;
  CLI::App app("What gRPC, queue, copies, locks, metrics and log add to a Verify call");
  app.add_option("--photo", options.photo, "A photo with one face")->required()->check(CLI::ExistingFile);
  app.add_option("--models", options.models, "Folder of the exported bundles")
      ->required()
      ->check(CLI::ExistingDirectory);
  app.add_option("--rounds", options.rounds, "Turns of each")->capture_default_str()->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  try {
    std::printf("%s\n", likeness::Benchmark(options).dump(2).c_str());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "service_benchmark: %s\n", error.what());
    return 1;
  }
  return 0;
}
