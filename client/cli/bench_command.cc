#include "client/cli/bench_command.h"

#include <chrono>
#include <map>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "client/bench/bench.h"
#include "client/bench/bench_report.h"
#include "client/channel.h"
#include "client/cli/interrupt.h"
#include "client/cli/live_line.h"
#include "client/cli/photo_file.h"

namespace likeness {
namespace {

constexpr char kDescription[] = "Put the server under load, and measure throughput and latency";
constexpr char kFooter[] =
    "Without --rate the loop is closed: each of --concurrency callers sends a call once the one before is answered.\n"
    "With --rate it is open: calls are sent at their own times, whatever the server does, and latency is counted from\n"
    "the time a call was due, so that a stalled server cannot hide what it did to the calls behind (coordinated\n"
    "omission). Refused calls are not repeated. Photos are taken in turn; verify enrols each first, and deletes what "
    "it\n"
    "enrolled. Ctrl-C ends the run early with a report. Exit codes: 0 report; 1 report, but no call was OK; 2 error.";

struct BenchCommandOptions {
  BenchOptions bench;
  std::vector<std::string> photos;
};

// What is shown while a run goes on: where it is, and how many calls a second came to what since the last time.
class ProgressLine {
 public:
  explicit ProgressLine(Console& console) : console_(console), line_(console.err) {}

  void Show(const BenchProgress& now) {
    if (!console_.err_is_terminal) return;
    const double seconds = now.seconds - last_.seconds;
    const auto rate = [seconds](int64_t calls, int64_t before) {
      return static_cast<double>(calls - before) / seconds;
    };
    line_.Show(absl::StrFormat("%.0f of %.0f s: %.0f OK, %.0f refused, %.0f failed a second; %d in flight ",
                               now.seconds, now.total_seconds, rate(now.calls.ok, last_.calls.ok),
                               rate(now.calls.refused, last_.calls.refused), rate(now.calls.failed, last_.calls.failed),
                               now.in_flight));
    last_ = now;
  }

 private:
  Console& console_;
  LiveLine line_;
  BenchProgress last_;
};

absl::StatusOr<ExitCode> Bench(Invocation& invocation, BenchCommandOptions& options) {
  const absl::StatusOr<std::vector<std::string>> photos = ReadPhotos(options.photos, invocation.console.in);
  if (!photos.ok()) return photos.status();
  options.bench.target = invocation.client_options.target;
  options.bench.credentials = CredentialsOf(invocation.client_options);
  options.bench.load.timeout = absl::ToChronoNanoseconds(invocation.client_options.timeout);
  absl::StatusOr<BenchReport> report;
  {
    const InterruptGuard guard;
    ProgressLine line(invocation.console);
    report = RunBench(options.bench, *photos, [&](const BenchProgress& progress) {
      line.Show(progress);
      return !guard.interrupted();
    });
  }
  if (!report.ok()) return report.status();
  invocation.console.out << (invocation.json ? ReportJson(*report) + "\n" : ReportText(*report));
  if (!report->not_deleted.empty()) {
    invocation.console.err << "warning: not every person whose id starts with " << report->not_deleted
                           << " could be deleted\n";
  }
  return report->results.ok().empty() ? kExitDifferent : kExitSuccess;
}

// An option whose value is a number of seconds, or of milliseconds.
template <typename Unit, typename Target>
CLI::Option* AddTime(CLI::App& command, const char* name, Target& target, double least, const char* description) {
  return command
      .add_option_function<double>(
          name,
          [&target](double number) {
            target = std::chrono::duration_cast<std::chrono::nanoseconds>(
                std::chrono::duration<double, typename Unit::period>(number));
          },
          description)
      ->check(CLI::Range(least, 86400.0).description(""));
}

void AddLoadOptions(CLI::App& command, LoadOptions& load) {
  static const std::map<std::string, Arrivals> kArrivals = {{"poisson", Arrivals::kPoisson}, {"even", Arrivals::kEven}};
  CLI::Option* concurrency = command.add_option("--concurrency", load.concurrency, "Callers of a closed loop")
                                 ->type_name("N")
                                 ->capture_default_str()
                                 ->check(CLI::Range(1, 100000).description(""));
  CLI::Option* rate = command.add_option("--rate", load.calls_per_second, "Open loop: calls a second")
                          ->type_name("CALLS")
                          ->check(CLI::Range(0.001, 1e6).description(""))
                          ->excludes(concurrency);
  command
      .add_option_function<std::string>(
          "--arrivals", [&load](const std::string& name) { load.arrivals = kArrivals.at(name); },
          "Gaps between the calls of an open loop: as of independent callers, or equal")
      ->type_name("poisson|even")
      ->default_str("poisson")
      ->check(CLI::IsMember(&kArrivals).description(""))
      ->needs(rate);
  AddTime<std::chrono::milliseconds>(command, "--cancel-after", load.cancel_after, 0,
                                     "Callers leave after this long without an answer")
      ->type_name("MILLISECONDS");
}

}  // namespace

void AddBenchCommand(CLI::App& app, Invocation& invocation) {
  static const std::map<std::string, BenchMethod> kMethods = {{"verify", BenchMethod::kVerify},
                                                              {"compare", BenchMethod::kCompare},
                                                              {"embed", BenchMethod::kEmbed},
                                                              {"enroll", BenchMethod::kEnroll}};
  CLI::App* command = app.add_subcommand("bench", kDescription);
  auto options = std::make_shared<BenchCommandOptions>();
  BenchOptions& bench = options->bench;
  command->footer(kFooter);
  command->add_option("PHOTO", options->photos, "The photos to send")->required();
  command
      ->add_option_function<std::string>(
          "--method", [&bench](const std::string& name) { bench.method = kMethods.at(name); }, "The method to call")
      ->type_name("verify|compare|embed|enroll")
      ->default_str("verify")
      ->check(CLI::IsMember(&kMethods).description(""));
  AddLoadOptions(*command, bench.load);
  AddTime<std::chrono::seconds>(*command, "--duration", bench.duration, 0.1, "How long to measure")
      ->type_name("SECONDS")
      ->default_str("10");
  AddTime<std::chrono::seconds>(*command, "--warm-up", bench.warm_up, 0, "How long to send before, without counting")
      ->type_name("SECONDS")
      ->default_str("2");
  command->add_option("--connections", bench.connections, "Connections to the server")
      ->type_name("N")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000).description(""));
  command
      ->add_option("--metrics", bench.metrics_address,
                   "Where the server's metrics are, to report its processor time and memory")
      ->type_name("HOST:PORT");
  command->callback([&invocation, options] { invocation.exit_code = invocation.Finish(Bench(invocation, *options)); });
}

}  // namespace likeness
