#include "server/telemetry/metrics_server.h"

#include <httplib.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <atomic>
#include <iterator>
#include <thread>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "server/threads/guarded.h"

namespace likeness {
namespace {

constexpr int kThreads = 2;

// Instead of the library's own options, under which two servers would share a port and scrapes go to either.
void AllowOnlyQuickReuse(socket_t socket) {
  const int yes = 1;
  setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
}

constexpr char kContentType[] = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace

struct MetricsServer::Impl {
  std::vector<std::shared_ptr<prometheus::Collectable>> sources;
  httplib::Server server;
  std::atomic<bool> listening = true;
  std::thread listener;
  int port = 0;

  std::string Scrape() const {
    std::vector<prometheus::MetricFamily> families;
    for (const auto& source : sources) {
      std::vector<prometheus::MetricFamily> collected = source->Collect();
      families.insert(families.end(), std::make_move_iterator(collected.begin()),
                      std::make_move_iterator(collected.end()));
    }
    return prometheus::TextSerializer().Serialize(families);
  }
};

absl::StatusOr<std::unique_ptr<MetricsServer>> MetricsServer::Start(
    const std::string& address, std::vector<std::shared_ptr<prometheus::Collectable>> sources) {
  const size_t colon = address.rfind(':');
  int port = 0;
  if (colon == std::string::npos || !absl::SimpleAtoi(address.substr(colon + 1), &port) || port < 0 || port > 65535) {
    return absl::InvalidArgumentError(absl::StrCat("the metrics address must be HOST:PORT, not '", address, "'"));
  }
  auto impl = std::make_unique<Impl>();
  impl->sources = std::move(sources);
  impl->server.set_socket_options(AllowOnlyQuickReuse);
  // A scraper that keeps its connection would keep one of the threads, and hold up the end.
  impl->server.set_keep_alive_max_count(1);
  impl->server.new_task_queue = [] { return new httplib::ThreadPool(kThreads); };
  impl->server.Get("/metrics", [impl = impl.get()](const httplib::Request&, httplib::Response& response) {
    const absl::Status status =
        RunGuarded(ThreadKind::kMetrics, [&] { response.set_content(impl->Scrape(), kContentType); });
    if (!status.ok()) response.status = 500;
  });
  std::string host = address.substr(0, colon);
  if (absl::StartsWith(host, "[") && absl::EndsWith(host, "]")) host = host.substr(1, host.size() - 2);  // IPv6
  if (port == 0) {
    impl->port = impl->server.bind_to_any_port(host);
  } else if (impl->server.bind_to_port(host, port)) {
    impl->port = port;
  }
  if (impl->port <= 0) return absl::UnavailableError(absl::StrCat("cannot serve metrics on ", address));
  // Where it fails nobody can scrape any more, which is what Prometheus's own `up` is for.
  impl->listener = std::thread([impl = impl.get()] {
    impl->listening = RunGuarded(ThreadKind::kMetrics, [impl] { impl->server.listen_after_bind(); }).ok();
  });
  // Until it runs, stop() is without effect.
  while (impl->listening && !impl->server.is_running()) std::this_thread::yield();
  return std::unique_ptr<MetricsServer>(new MetricsServer(std::move(impl)));
}

MetricsServer::MetricsServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

MetricsServer::~MetricsServer() {
  impl_->server.stop();
  impl_->listener.join();
}

int MetricsServer::port() const { return impl_->port; }

}  // namespace likeness
