#include "server/telemetry/metrics_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/telemetry/metrics.h"
#include "server/telemetry/process_metrics.h"
#include "tests/support/matchers.h"

namespace likeness {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST(MetricsServerTest, ServesAllItsSourcesOnAFreePort) {
  Metrics metrics;
  const auto server = MetricsServer::Start("127.0.0.1:0", {metrics.registry(), std::make_shared<ProcessMetrics>()});
  ASSERT_THAT(server, IsOk());
  ASSERT_GT((*server)->port(), 0);
  httplib::Client client("127.0.0.1", (*server)->port());
  const httplib::Result answer = client.Get("/metrics");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
  EXPECT_THAT(answer->get_header_value("Content-Type"), StartsWith("text/plain; version=0.0.4"));
  EXPECT_THAT(answer->body, HasSubstr("# TYPE likeness_gallery_persons gauge\n"));
  EXPECT_THAT(answer->body, HasSubstr("# TYPE process_cpu_seconds_total counter\n"));
}

TEST(MetricsServerTest, CollectsAnewAtEachScrape) {
  Metrics metrics;
  const auto server = MetricsServer::Start("127.0.0.1:0", {metrics.registry()});
  ASSERT_THAT(server, IsOk());
  httplib::Client client("127.0.0.1", (*server)->port());
  EXPECT_THAT(client.Get("/metrics")->body, HasSubstr("likeness_queue_depth 0\n"));
  metrics.SetQueueDepth(9);
  EXPECT_THAT(client.Get("/metrics")->body, HasSubstr("likeness_queue_depth 9\n"));
}

TEST(MetricsServerTest, ServesNothingElse) {
  const auto server = MetricsServer::Start("127.0.0.1:0", {});
  ASSERT_THAT(server, IsOk());
  httplib::Client client("127.0.0.1", (*server)->port());
  EXPECT_EQ(client.Get("/")->status, 404);
  EXPECT_EQ(client.Post("/metrics", "", "text/plain")->status, 404);
}

TEST(MetricsServerTest, RefusesAPortThatAnotherServerHas) {
  const auto first = MetricsServer::Start("127.0.0.1:0", {});
  ASSERT_THAT(first, IsOk());
  const std::string address = absl::StrCat("127.0.0.1:", (*first)->port());
  EXPECT_THAT(MetricsServer::Start(address, {}), HasStatus(absl::StatusCode::kUnavailable, HasSubstr(address)));
}

TEST(MetricsServerTest, TakesAPortAgainAfterItWasGivenBack) {
  auto first = MetricsServer::Start("127.0.0.1:0", {});
  ASSERT_THAT(first, IsOk());
  const int port = (*first)->port();
  ASSERT_TRUE(httplib::Client("127.0.0.1", port).Get("/metrics"));
  first->reset();
  const auto second = MetricsServer::Start(absl::StrCat("127.0.0.1:", port), {});
  ASSERT_THAT(second, IsOk());
  EXPECT_EQ((*second)->port(), port);
}

TEST(MetricsServerTest, RefusesAnAddressThatIsNone) {
  for (const char* address :
       {"", "localhost", "9464", "localhost:", "localhost:http", "localhost:-1", "localhost:65536"}) {
    EXPECT_THAT(MetricsServer::Start(address, {}), HasStatus(absl::StatusCode::kInvalidArgument, HasSubstr(address)))
        << address;
  }
}

TEST(MetricsServerTest, ListensOnAnIpv6Address) {
  httplib::Server probe;
  if (probe.bind_to_any_port("::1") <= 0) GTEST_SKIP() << "there is no IPv6 here";
  const auto server = MetricsServer::Start("[::1]:0", {});
  ASSERT_THAT(server, IsOk());
  EXPECT_EQ(httplib::Client("::1", (*server)->port()).Get("/metrics")->status, 200);
}

// Throws at its first scrape.
class ThrowsOnce : public prometheus::Collectable {
 public:
  std::vector<prometheus::MetricFamily> Collect() const override {
    if (!thrown_.exchange(true)) throw std::runtime_error("a fault");
    return ProcessMetrics().Collect();
  }

 private:
  mutable std::atomic<bool> thrown_ = false;
};

TEST(MetricsServerTest, AScrapeThatThrowsIsAnsweredAndCounted) {
  const auto server = MetricsServer::Start("127.0.0.1:0", {std::make_shared<ThrowsOnce>()});
  ASSERT_THAT(server, IsOk());
  httplib::Client client("127.0.0.1", (*server)->port());
  EXPECT_EQ(client.Get("/metrics")->status, 500);
  EXPECT_THAT(client.Get("/metrics")->body, HasSubstr("likeness_thread_failures_total{thread=\"metrics\"} 1\n"));
}

}  // namespace
}  // namespace likeness
