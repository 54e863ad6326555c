// Running the command line inside a test.
#ifndef LIKENESS_TESTS_UNIT_CLIENT_CLI_RUN_H_
#define LIKENESS_TESTS_UNIT_CLIENT_CLI_RUN_H_

#include <unistd.h>

#include <filesystem>
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

// A path in a folder that belongs to this run of the test program and goes with it.
inline std::string TemporaryPath(const std::string& name) {
  static const struct Folder {
    Folder() { std::filesystem::create_directories(path); }
    ~Folder() { std::filesystem::remove_all(path); }
    const std::filesystem::path path =
        std::filesystem::path(testing::TempDir()) / ("likeness_cli_test_" + std::to_string(getpid()));
  } folder;
  return folder.path / name;
}

// A file with these bytes; its path.
inline std::string FileWith(const std::string& name, const std::string& bytes) {
  const std::string path = TemporaryPath(name);
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

}  // namespace likeness

#endif  // LIKENESS_TESTS_UNIT_CLIENT_CLI_RUN_H_
