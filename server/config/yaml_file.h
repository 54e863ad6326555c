// The configuration file, for CLI11.
#ifndef LIKENESS_SERVER_CONFIG_YAML_FILE_H_
#define LIKENESS_SERVER_CONFIG_YAML_FILE_H_

#include <CLI/CLI.hpp>
#include <istream>
#include <vector>

namespace likeness {

// Reads one YAML mapping of flags, without their dashes, to values:
//
//   target-fmr: 0.0001
//   address: 127.0.0.1:50051
//
// Throws CLI::FileError, which names the line, for anything else: no mapping, a list, a flag twice, a flag without
// value.
class YamlFile : public CLI::ConfigBase {
 public:
  std::vector<CLI::ConfigItem> from_config(std::istream& file) const override;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_CONFIG_YAML_FILE_H_
