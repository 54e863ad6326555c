#include "client/bench/server_figures.h"

#include <httplib.h>

#include <sstream>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace likeness {

absl::StatusOr<ServerFigures> ParseServerFigures(const std::string& scrape) {
  ServerFigures figures;
  struct Wanted {
    std::string name;
    double& value;
    bool found = false;
  };
  Wanted wanted[] = {{"process_cpu_seconds_total", figures.processor_seconds},
                     {"process_resident_memory_bytes", figures.resident_bytes},
                     {"process_open_fds", figures.open_files}};
  std::istringstream lines(scrape);
  for (std::string line; std::getline(lines, line);) {
    const size_t space = line.find(' ');
    for (Wanted& figure : wanted) {
      if (line.compare(0, space, figure.name) != 0 || space == std::string::npos) continue;
      figure.found = absl::SimpleAtod(line.substr(space + 1), &figure.value);
    }
  }
  for (const Wanted& figure : wanted) {
    if (!figure.found) return absl::InternalError(absl::StrCat("the server's metrics have no ", figure.name));
  }
  return figures;
}

absl::StatusOr<ServerFigures> ReadServerFigures(const std::string& address) {
  const std::string url = absl::StrCat("http://", address);
  const httplib::Result result = httplib::Client(url).Get("/metrics");
  if (!result) return absl::UnavailableError(absl::StrCat("cannot scrape ", url, "/metrics"));
  if (result->status != 200) {
    return absl::UnavailableError(absl::StrCat(url, "/metrics answers with HTTP status ", result->status));
  }
  return ParseServerFigures(result->body);
}

}  // namespace likeness
