#include <algorithm>
#include <csignal>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "httplib.h"
#include "nlohmann/json.hpp"
#include "tests/unit/client/cli_run.h"
#include "tests/unit/client/fake_server.h"

namespace likeness {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::StartsWith;

class BenchCommandTest : public ::testing::Test {
 protected:
  BenchCommandTest() {
    server_.service.enroll = [this](const v1::EnrollRequest& request, v1::EnrollResponse*) {
      const std::lock_guard lock(mutex_);
      persons_.insert(request.person_id());
      return grpc::Status::OK;
    };
    server_.service.verify = [this](const v1::VerifyRequest& request, v1::VerifyResponse*) {
      const std::lock_guard lock(mutex_);
      EXPECT_EQ(persons_.count(request.person_id()), 1u);
      return grpc::Status::OK;
    };
    server_.service.delete_person = [this](const v1::DeletePersonRequest& request, v1::DeletePersonResponse*) {
      const std::lock_guard lock(mutex_);
      persons_.erase(request.person_id());
      return grpc::Status::OK;
    };
  }

  CliRun Bench(const std::vector<std::string>& options, const std::string& seconds = "0.2") {
    std::vector<std::string> arguments = {"bench",      photo_,  "--server",  server_.address(),
                                          "--duration", seconds, "--warm-up", "0.1"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    return RunCli(arguments);
  }

  FakeServer server_;
  std::mutex mutex_;
  std::set<std::string> persons_;
  const std::string photo_ = FileWith("bench_command_photo", "photo bytes");
};

TEST_F(BenchCommandTest, MeasuresVerifyAndDeletesWhoItEnrolled) {
  const CliRun run = Bench({"--concurrency", "2"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, StartsWith("load        Verify, closed loop of 2 callers\n"));
  EXPECT_THAT(run.out, HasSubstr("codes       OK  "));
  EXPECT_EQ(run.err, "");
  EXPECT_TRUE(persons_.empty());
}

TEST_F(BenchCommandTest, DoesNotCountTheWarmUp) {
  const CliRun run = Bench({"--rate", "100", "--arrivals", "even", "--json"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  const json report = json::parse(run.out);
  EXPECT_EQ(report["seconds"], 0.2);
  EXPECT_EQ(report["calls"], 20);
}

TEST_F(BenchCommandTest, ReadsTheServersFiguresBeforeAndAfter) {
  httplib::Server metrics;
  int scrapes = 0;
  metrics.Get("/metrics", [&scrapes](const httplib::Request&, httplib::Response& response) {
    ++scrapes;
    response.set_content(absl::StrCat("process_cpu_seconds_total ", scrapes, "\nprocess_resident_memory_bytes ",
                                      scrapes, "00\nprocess_open_fds 9\n"),
                         "text/plain");
  });
  const int port = metrics.bind_to_any_port("127.0.0.1");
  std::jthread listener([&metrics] { metrics.listen_after_bind(); });
  const CliRun run = Bench({"--metrics", absl::StrCat("127.0.0.1:", port), "--json"});
  metrics.stop();
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const json server = json::parse(run.out)["server"];
  EXPECT_EQ(server["processor_seconds"], 1);
  EXPECT_EQ(server["resident_bytes"], json::parse(R"({"start": 200.0, "end": 300.0})"));
}

TEST_F(BenchCommandTest, ExitsWithOneWhenNoCallWasOk) {
  server_.service.embed = [](const auto&, auto*) {
    return ToGrpcStatus({grpc::StatusCode::INVALID_ARGUMENT, "FACE_NOT_FOUND", "no face", "", {}});
  };
  const CliRun run = Bench({"--method", "embed"});
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_THAT(run.out, HasSubstr("codes       INVALID_ARGUMENT FACE_NOT_FOUND  "));
}

TEST_F(BenchCommandTest, ShowsHowFarItIsOnATerminal) {
  std::istringstream in;
  std::ostringstream out, err;
  Console console = {in, out, err, /*err_is_terminal=*/true};
  RunCommandLine({"bench", photo_, "--server", server_.address(), "--duration", "0.5", "--warm-up", "0"}, console);
  EXPECT_THAT(err.str(), HasSubstr(" OK, 0 refused, 0 failed a second; "));
  EXPECT_THAT(err.str(), StartsWith("\r"));
  EXPECT_EQ(err.str().back(), '\n');
}

TEST_F(BenchCommandTest, ReportsWhatItHasAndCleansUpWhenItIsInterrupted) {
  const absl::Time start = absl::Now();
  std::once_flag interrupt;
  server_.service.verify = [&](const auto&, auto*) {
    if (absl::Now() - start > absl::Seconds(1)) std::call_once(interrupt, [] { std::raise(SIGINT); });
    return grpc::Status::OK;
  };
  const CliRun run = Bench({"--json"}, "60");
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_LT(json::parse(run.out)["seconds"], 30);
  EXPECT_TRUE(persons_.empty());
}

TEST_F(BenchCommandTest, WarnsOfPersonsItCouldNotDelete) {
  server_.service.delete_person = [](const auto&, auto*) { return grpc::Status(grpc::StatusCode::INTERNAL, "disk"); };
  const CliRun run = Bench({});
  EXPECT_EQ(run.exit_code, 0);
  EXPECT_THAT(run.err,
              MatchesRegex("warning: not every person whose id starts with bench-[0-9a-f]+- could be deleted\n"));
}

TEST_F(BenchCommandTest, FailsBeforeTheFirstCallWhenServerOrMetricsCannotBeReached) {
  EXPECT_THAT(Bench({"--metrics", "127.0.0.1:1"}).err,
              StartsWith("error: UNAVAILABLE: cannot scrape http://127.0.0.1:1/metrics"));
  const CliRun run = RunCli({"bench", photo_, "--server", "127.0.0.1:1"});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_EQ(run.err, "error: UNAVAILABLE: cannot connect to 127.0.0.1:1\n");
}

TEST(BenchCommandUsageTest, ExitsWithTwoForBadUsage) {
  const std::vector<std::vector<std::string>> cases = {
      {},
      {"--rate", "0"},
      {"--rate", "100", "--concurrency", "4"},
      {"--arrivals", "even"},
      {"--concurrency", "0"},
      {"--duration", "0"},
      {"--method", "delete"},
      {"--cancel-after", "-1"},
  };
  for (std::vector<std::string> arguments : cases) {
    SCOPED_TRACE(testing::PrintToString(arguments));
    arguments.insert(arguments.begin(), "bench");
    if (arguments.size() > 1) arguments.push_back("photo");
    const CliRun run = RunCli(arguments);
    EXPECT_EQ(run.exit_code, 2);
    EXPECT_THAT(run.err, StartsWith("error: USAGE: "));
  }
}

TEST(BenchCommandUsageTest, SaysInItsHelpFromWhenLatencyCounts) {
  EXPECT_THAT(RunCli({"bench", "--help"}).out, HasSubstr("coordinated\nomission"));
}

}  // namespace
}  // namespace likeness
