#include "server/inference/manifest_reader.h"

#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace likeness {

ManifestReader::ManifestReader(absl::string_view json_text)
    : root_(nlohmann::json::parse(json_text.begin(), json_text.end(), nullptr, /*allow_exceptions=*/false)) {
  if (!root_.is_object()) status_ = absl::FailedPreconditionError("likeness.json is not a JSON object");
}

ManifestReader::ManifestReader(nlohmann::json object) : root_(std::move(object)) {
  if (!root_.is_object()) status_ = absl::FailedPreconditionError("an entry of likeness.json is not a JSON object");
}

void ManifestReader::Reject(absl::string_view path, absl::string_view why) {
  if (status_.ok()) status_ = absl::FailedPreconditionError(absl::StrCat("likeness.json: field ", path, " ", why));
}

const nlohmann::json* ManifestReader::Look(absl::string_view path) const {
  const nlohmann::json* node = &root_;
  for (absl::string_view key : absl::StrSplit(path, '.')) {
    if (!node->is_object()) return nullptr;
    const auto found = node->find(std::string(key));
    if (found == node->end()) return nullptr;
    node = &*found;
  }
  return node;
}

const nlohmann::json* ManifestReader::Find(absl::string_view path) {
  if (!status_.ok()) return nullptr;
  const nlohmann::json* node = Look(path);
  if (node == nullptr) Reject(path, "is missing");
  return node;
}

bool ManifestReader::Has(absl::string_view path) const {
  const nlohmann::json* node = Look(path);
  return node != nullptr && !node->is_null();
}

std::string ManifestReader::Text(absl::string_view path) {
  const nlohmann::json* node = Find(path);
  if (node == nullptr) return "";
  if (!node->is_string() || node->get_ref<const std::string&>().empty()) {
    Reject(path, "is not a non-empty text");
    return "";
  }
  return node->get<std::string>();
}

bool ManifestReader::Flag(absl::string_view path) {
  const nlohmann::json* node = Find(path);
  if (node == nullptr) return false;
  if (!node->is_boolean()) {
    Reject(path, "is neither true nor false");
    return false;
  }
  return node->get<bool>();
}

double ManifestReader::Number(absl::string_view path) {
  const nlohmann::json* node = Find(path);
  if (node == nullptr) return 0;
  if (!node->is_number() || !std::isfinite(node->get<double>())) {
    Reject(path, "is not a number");
    return 0;
  }
  return node->get<double>();
}

double ManifestReader::PositiveNumber(absl::string_view path) {
  const double value = Number(path);
  if (status_.ok() && value <= 0) Reject(path, "is not above 0");
  return value;
}

int ManifestReader::PositiveInt(absl::string_view path, int most) {
  const double value = PositiveNumber(path);
  if (!status_.ok()) return 0;
  if (value != std::floor(value) || value > most) {
    Reject(path, absl::StrCat("is not a whole number up to ", most));
    return 0;
  }
  return static_cast<int>(value);
}

std::vector<double> ManifestReader::Numbers(absl::string_view path, size_t count, bool positive) {
  const nlohmann::json* node = Find(path);
  if (node == nullptr) return std::vector<double>(count);
  std::vector<double> values;
  if (node->is_array()) {
    for (const nlohmann::json& entry : *node) {
      if (entry.is_number() && (!positive || entry.get<double>() > 0)) values.push_back(entry.get<double>());
    }
  }
  if (!node->is_array() || values.size() != count || node->size() != count) {
    Reject(path, absl::StrCat("is not a list of ", count, positive ? " numbers above 0" : " numbers"));
    values.assign(count, 0);
  }
  return values;
}

std::vector<nlohmann::json> ManifestReader::Objects(absl::string_view path) {
  const nlohmann::json* node = Find(path);
  if (node == nullptr) return {};
  if (!node->is_array()) {
    Reject(path, "is not a list");
    return {};
  }
  return {node->begin(), node->end()};
}

}  // namespace likeness
