// What the commands of the command line share: global options, the console, how results and errors are written.
#ifndef LIKENESS_CLIENT_CLI_INVOCATION_H_
#define LIKENESS_CLIENT_CLI_INVOCATION_H_

#include <iosfwd>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/client.h"
#include "google/protobuf/message.h"

namespace likeness {

enum ExitCode : int {
  kExitSuccess = 0,  // the same person, or done
  // Not the same person, not serving, a damaged gallery, no call of a benchmark was OK, or no model trained.
  kExitDifferent = 1,
  kExitError = 2,  // no answer
};

// The streams of a process, or a test's own.
struct Console {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  bool err_is_terminal = false;
};

// One run of the command line. Not thread-safe.
//
// A command sets `exit_code` to what Finish() makes of its result:
//
//   invocation.exit_code = invocation.Finish(Verify(invocation, options));
class Invocation {
 public:
  explicit Invocation(Console& console) : console(console) {}

  // Writes a response as one line of JSON, its fields named as in the .proto files.
  void PrintJson(const google::protobuf::Message& response);

  // The exit code of a command: the one it returned, or kExitError after writing why there is none.
  ExitCode Finish(const absl::StatusOr<ExitCode>& result);

  // Writes `error: REASON: message`, with --json as {"error": {...}}, and returns kExitError.
  ExitCode Fail(const std::string& reason, const std::string& message, const std::string& field = "");

  Console& console;
  Client::Options client_options;
  bool json = false;
  ExitCode exit_code = kExitSuccess;
};

}  // namespace likeness

#endif  // LIKENESS_CLIENT_CLI_INVOCATION_H_
