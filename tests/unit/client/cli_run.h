// Running the command line inside a test.
#ifndef LIKENESS_TESTS_UNIT_CLIENT_CLI_RUN_H_
#define LIKENESS_TESTS_UNIT_CLIENT_CLI_RUN_H_

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "client/cli/command_line.h"
#include "gtest/gtest.h"

namespace likeness {

// What a run of the command line left behind.
struct CliRun {
  int exit_code;
  std::string out;
  std::string err;
};

// Runs the command line with `in` as its standard input.
inline CliRun RunCli(const std::vector<std::string>& arguments, const std::string& in = "") {
  std::istringstream in_stream(in);
  std::ostringstream out;
  std::ostringstream err;
  Console console = {in_stream, out, err};
  const int exit_code = RunCommandLine(arguments, console);
  return {exit_code, out.str(), err.str()};
}

// A file in the tests' temporary folder; its path.
inline std::string FileWith(const std::string& name, const std::string& bytes) {
  const std::string path = testing::TempDir() + "/" + name;
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

}  // namespace likeness

#endif  // LIKENESS_TESTS_UNIT_CLIENT_CLI_RUN_H_
