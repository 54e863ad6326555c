#include "client/bench/bench_report.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/bench/latency.h"
#include "nlohmann/json.hpp"

namespace likeness {
namespace {

using Json = nlohmann::ordered_json;

double Seconds(std::chrono::nanoseconds duration) { return std::chrono::duration<double>(duration).count(); }

const char* NameOf(Arrivals arrivals) { return arrivals == Arrivals::kPoisson ? "poisson" : "even"; }

double PerSecond(const BenchReport& report, int64_t calls) { return static_cast<double>(calls) / report.seconds; }

// Zero where there was no call.
double MillisecondsPerCall(double seconds, int64_t calls) {
  return calls == 0 ? 0 : 1e3 * seconds / static_cast<double>(calls);
}

double ServerSeconds(const StartAndEnd& server) {
  return server.end.processor_seconds - server.start.processor_seconds;
}

std::string LoopText(const LoadOptions& load) {
  if (!load.calls_per_second.has_value()) {
    return absl::StrFormat("closed loop of %d caller%s", load.concurrency, load.concurrency == 1 ? "" : "s");
  }
  return absl::StrFormat("open loop, %g calls a second (%s arrivals)", *load.calls_per_second, NameOf(load.arrivals));
}

std::string CallsText(const char* label, const BenchReport& report, int64_t calls) {
  return absl::StrFormat("%-12s%d, %.1f a second\n", label, calls, PerSecond(report, calls));
}

std::string LatencyText(const LatencySummary& latency) {
  if (latency.count == 0) return "";
  return absl::StrFormat("            latency p50 %.1f ms, p90 %.1f, p99 %.1f, max %.1f\n", latency.p50, latency.p90,
                         latency.p99, latency.max);
}

std::string CodesText(const Results& results) {
  std::string text;
  for (const auto& [code, latencies] : results.latencies) {
    const std::string name = absl::StatusCodeToString(code.first);
    absl::StrAppendFormat(&text, "%-12s%s%s%s  %d\n", text.empty() ? "codes" : "", name, code.second.empty() ? "" : " ",
                          code.second, latencies.size());
  }
  return text;
}

std::string ServerText(const StartAndEnd& server, int64_t ok) {
  constexpr double kMegabyte = 1e6;
  return absl::StrFormat(
      "server      %.2f ms of processor time per OK call, %.1f s in all\n"
      "            memory %.1f MB at the start, %.1f MB at the end; open files %.0f, %.0f\n",
      MillisecondsPerCall(ServerSeconds(server), ok), ServerSeconds(server), server.start.resident_bytes / kMegabyte,
      server.end.resident_bytes / kMegabyte, server.start.open_files, server.end.open_files);
}

std::string GeneratorText(const BenchReport& report) {
  std::string text = absl::StrFormat("generator   %.2f ms of processor time per call",
                                     MillisecondsPerCall(report.generator_processor_seconds, report.results.calls()));
  if (report.options.load.calls_per_second.has_value()) {
    const LatencySummary delay = Summarize(report.results.delays_of_sending);
    absl::StrAppendFormat(&text, "; calls left late by p99 %.1f ms, max %.1f", delay.p99, delay.max);
  }
  return text + '\n';
}

Json ToJson(const LatencySummary& latency) {
  return {
      {"count", latency.count}, {"p50", latency.p50}, {"p90", latency.p90}, {"p99", latency.p99}, {"max", latency.max}};
}

Json LoopJson(const LoadOptions& load) {
  if (!load.calls_per_second.has_value()) return {{"kind", "closed"}, {"concurrency", load.concurrency}};
  return {{"kind", "open"}, {"rate", *load.calls_per_second}, {"arrivals", NameOf(load.arrivals)}};
}

Json CodesJson(const Results& results) {
  Json codes = Json::array();
  for (const auto& [code, latencies] : results.latencies) {
    codes.push_back({{"code", absl::StatusCodeToString(code.first)},
                     {"reason", code.second},
                     {"calls", latencies.size()},
                     {"latency_ms", ToJson(Summarize(latencies))}});
  }
  return codes;
}

Json ServerJson(const BenchReport& report, int64_t ok) {
  if (!report.server.has_value()) return nullptr;
  const StartAndEnd& server = *report.server;
  return {{"processor_seconds", ServerSeconds(server)},
          {"processor_ms_per_ok_call", ok == 0 ? Json(nullptr) : Json(MillisecondsPerCall(ServerSeconds(server), ok))},
          {"resident_bytes", {{"start", server.start.resident_bytes}, {"end", server.end.resident_bytes}}},
          {"open_files", {{"start", server.start.open_files}, {"end", server.end.open_files}}}};
}

}  // namespace

std::string ReportText(const BenchReport& report) {
  const BenchOptions& options = report.options;
  const Results& results = report.results;
  const LatencySummary ok = Summarize(results.ok());
  const LatencySummary refused = Summarize(results.refused());
  std::string text =
      absl::StrFormat("load        %s, %s\n            %.1f s after %g s of warm-up, %d connection%s\n",
                      NameOf(options.method), LoopText(options.load), report.seconds, Seconds(options.warm_up),
                      options.connections, options.connections == 1 ? "" : "s");
  absl::StrAppend(&text, CallsText("calls", report, results.calls()), CallsText("OK", report, ok.count),
                  LatencyText(ok));
  if (refused.count > 0) absl::StrAppend(&text, CallsText("refused", report, refused.count), LatencyText(refused));
  absl::StrAppend(&text, CodesText(results));
  if (report.server.has_value()) absl::StrAppend(&text, ServerText(*report.server, ok.count));
  return text + GeneratorText(report);
}

std::string ReportJson(const BenchReport& report) {
  const BenchOptions& options = report.options;
  const Results& results = report.results;
  const LatencySummary ok = Summarize(results.ok());
  const LatencySummary refused = Summarize(results.refused());
  const Json json = {
      {"method", absl::AsciiStrToLower(NameOf(options.method))},
      {"loop", LoopJson(options.load)},
      {"connections", options.connections},
      {"warm_up_seconds", Seconds(options.warm_up)},
      {"seconds", report.seconds},
      {"calls", results.calls()},
      {"throughput_per_second", PerSecond(report, results.calls())},
      {"goodput_per_second", PerSecond(report, ok.count)},
      {"ok", {{"latency_ms", ToJson(ok)}}},
      {"refused", {{"latency_ms", ToJson(refused)}, {"with_retry_delay", results.refused_with_retry_delay}}},
      {"codes", CodesJson(results)},
      {"server", ServerJson(report, ok.count)},
      {"generator",
       {{"processor_seconds", report.generator_processor_seconds},
        {"delay_of_sending_ms", ToJson(Summarize(results.delays_of_sending))}}},
  };
  return json.dump();
}

}  // namespace likeness
