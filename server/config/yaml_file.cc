#include "server/config/yaml_file.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace likeness {
namespace {

[[noreturn]] void Refuse(const YAML::Mark& mark, const std::string& why) {
  throw CLI::FileError(absl::StrCat("configuration file, line ", mark.line + 1, ": ", why));
}

YAML::Node Load(std::istream& file) {
  try {
    std::vector<YAML::Node> documents = YAML::LoadAll(file);
    if (documents.size() > 1) Refuse(documents[1].Mark(), "a second document");
    return documents.empty() ? YAML::Node() : documents.front();
  } catch (const YAML::Exception& error) {
    Refuse(error.mark, error.msg);
  }
}

// CLI11 takes others for marks of its own.
bool IsFlagName(absl::string_view name) {
  return !name.empty() && absl::ascii_islower(name.front()) && std::all_of(name.begin(), name.end(), [](char c) {
    return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-';
  });
}

}  // namespace

std::vector<CLI::ConfigItem> YamlFile::from_config(std::istream& file) const {
  const YAML::Node root = Load(file);
  if (root.IsNull()) return {};  // nothing but comments
  if (!root.IsMap()) Refuse(root.Mark(), "not a mapping of flags to values");
  std::vector<CLI::ConfigItem> items;
  std::set<std::string> names;
  for (const auto& entry : root) {
    const YAML::Node &key = entry.first, &value = entry.second;
    if (!key.IsScalar()) Refuse(key.Mark(), "the name of a flag is wanted");
    CLI::ConfigItem item;
    item.name = key.Scalar();
    if (!IsFlagName(item.name))
      Refuse(key.Mark(), absl::StrCat("'", item.name, "' is no name of a flag, without its dashes"));
    if (!names.insert(item.name).second) Refuse(key.Mark(), absl::StrCat(item.name, " is there twice"));
    if (!value.IsScalar()) Refuse(key.Mark(), absl::StrCat(item.name, " wants one value"));
    item.inputs.push_back(value.Scalar());
    items.push_back(std::move(item));
  }
  return items;
}

}  // namespace likeness
