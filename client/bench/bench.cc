#include "client/bench/bench.h"

#include <sys/resource.h>

#include <algorithm>
#include <memory>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/support/channel_arguments.h"

namespace likeness {
namespace {

using std::chrono::steady_clock;

constexpr auto kConnectTimeout = std::chrono::seconds(10);
constexpr auto kProgressInterval = std::chrono::milliseconds(200);

double SecondsBetween(SteadyTime from, SteadyTime to) { return std::chrono::duration<double>(to - from).count(); }

double ProcessorSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

absl::Status AwaitConnection(grpc::Channel& channel, const std::string& target) {
  const auto deadline = std::chrono::system_clock::now() + kConnectTimeout;
  for (grpc_connectivity_state state = channel.GetState(true); state != GRPC_CHANNEL_READY;
       state = channel.GetState(true)) {
    if (state == GRPC_CHANNEL_TRANSIENT_FAILURE || !channel.WaitForStateChange(state, deadline)) {
      return absl::UnavailableError(absl::StrCat("cannot connect to ", target));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::shared_ptr<grpc::Channel>>> Connect(const BenchOptions& options) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // else channels to one server share a connection
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  std::vector<std::shared_ptr<grpc::Channel>> channels;
  for (int i = 0; i < options.connections; ++i) {
    channels.push_back(grpc::CreateCustomChannel(options.target, options.credentials, arguments));
    if (absl::Status connected = AwaitConnection(*channels.back(), options.target); !connected.ok()) return connected;
  }
  return channels;
}

// What is read at both ends of the measured time.
struct Figures {
  double generator_processor_seconds = 0;
  std::optional<ServerFigures> server;
};

absl::StatusOr<Figures> ReadFigures(const std::string& metrics_address) {
  Figures figures;
  if (!metrics_address.empty()) {
    absl::StatusOr<ServerFigures> server = ReadServerFigures(metrics_address);
    if (!server.ok()) return server.status();
    figures.server = *std::move(server);
  }
  figures.generator_processor_seconds = ProcessorSeconds();
  return figures;
}

// One run. Times of the measured part are read on this thread while another sends, so that a slow scrape delays no
// call.
class Run {
 public:
  Run(const BenchOptions& options, const Workload& workload,
      const std::vector<std::shared_ptr<grpc::Channel>>& channels,
      const std::function<bool(const BenchProgress&)>& on_progress)
      : options_(options),
        on_progress_(on_progress),
        tally_(start_ + options.warm_up, start_ + options.warm_up + options.duration),
        generator_(channels, workload, options.load, tally_) {}

  absl::StatusOr<BenchReport> Measure() {
    const SteadyTime from = start_ + options_.warm_up;
    const SteadyTime until = from + options_.duration;
    std::jthread sender([&] { generator_.Run(start_, until); });
    AwaitTime(from, until);
    const absl::StatusOr<Figures> before = ReadFigures(options_.metrics_address);
    ended_early_ = ended_early_ || !before.ok();
    AwaitTime(until, until);
    const absl::StatusOr<Figures> after = ReadFigures(options_.metrics_address);
    const SteadyTime ended = std::min(until, steady_clock::now());
    generator_.Stop();
    sender.join();
    if (!before.ok()) return before.status();
    if (!after.ok()) return after.status();
    if (ended <= from) return absl::CancelledError("ended before the warm-up was over");
    BenchReport report;
    report.options = options_;
    report.seconds = SecondsBetween(from, ended);
    report.results = tally_.TakeResults();
    if (before->server.has_value()) report.server = {*before->server, *after->server};
    report.generator_processor_seconds = after->generator_processor_seconds - before->generator_processor_seconds;
    return report;
  }

  int64_t sent() const { return generator_.sent(); }

 private:
  // Waits until then, or until the run is ended early.
  void AwaitTime(SteadyTime time, SteadyTime end) {
    while (!ended_early_ && steady_clock::now() < time) {
      std::this_thread::sleep_until(std::min(time, steady_clock::now() + kProgressInterval));
      ended_early_ = !on_progress_({SecondsBetween(start_, steady_clock::now()), SecondsBetween(start_, end),
                                    tally_.progress(), generator_.in_flight()});
      if (ended_early_) generator_.Stop();
    }
  }

  const BenchOptions& options_;
  const std::function<bool(const BenchProgress&)>& on_progress_;
  const SteadyTime start_ = steady_clock::now();
  Tally tally_;
  LoadGenerator generator_;
  bool ended_early_ = false;
};

}  // namespace

absl::StatusOr<BenchReport> RunBench(const BenchOptions& options, const std::vector<std::string>& photos,
                                     const std::function<bool(const BenchProgress&)>& on_progress) {
  const auto channels = Connect(options);
  if (!channels.ok()) return channels.status();
  if (const auto figures = ReadFigures(options.metrics_address); !figures.ok()) return figures.status();
  Client client({.target = options.target});  // comes again when refused, as preparations must
  const absl::StatusOr<Workload> workload = Workload::Prepare(options.method, photos, client);
  if (!workload.ok()) return workload.status();
  Run run(options, *workload, *channels, on_progress);
  absl::StatusOr<BenchReport> report = run.Measure();
  const absl::Status cleaned_up = workload->CleanUp(run.sent(), client);
  if (report.ok() && !cleaned_up.ok()) report->not_deleted = workload->person_prefix();
  return report;
}

}  // namespace likeness
