// A server process's own figures, read from its metrics.
#ifndef LIKENESS_CLIENT_BENCH_SERVER_FIGURES_H_
#define LIKENESS_CLIENT_BENCH_SERVER_FIGURES_H_

#include <string>

#include "absl/status/statusor.h"

namespace likeness {

struct ServerFigures {
  double processor_seconds = 0;  // since its start
  double resident_bytes = 0;
  double open_files = 0;
};

// From the text of a scrape. INTERNAL when a figure is missing.
absl::StatusOr<ServerFigures> ParseServerFigures(const std::string& scrape);

// Scrapes http://ADDRESS/metrics. `address` is HOST:PORT.
absl::StatusOr<ServerFigures> ReadServerFigures(const std::string& address);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_BENCH_SERVER_FIGURES_H_
