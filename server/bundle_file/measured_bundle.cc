#include "server/bundle_file/measured_bundle.h"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "server/bundle_file/bundle_manifest_file.h"
#include "server/hashing/sha256.h"

namespace likeness {
namespace {

constexpr absl::string_view kFields[] = {"operating_points", "calibration", "cohort", "synthetic_people"};
constexpr absl::string_view kMark = "measured.";
constexpr size_t kDigits = 8;
constexpr int kDeepest = 8;  // an operating point's groups are at 5

absl::Status Wrong(absl::string_view why) { return absl::InvalidArgumentError(absl::StrCat("measurements ", why)); }

// "1.0.0" and "1.0.0+measured.01234567" become "1.0.0+measured.89abcdef"; build metadata of another kind stays in
// front.
std::string VersionOf(const std::string& version, const std::string& measurements) {
  const Sha256Digest digest = Sha256(measurements);
  const std::string digits =
      absl::BytesToHexString({reinterpret_cast<const char*>(digest.data()), digest.size()}).substr(0, kDigits);
  absl::string_view base = version;
  if (const size_t mark = base.rfind(kMark); mark != base.npos && mark > 0 &&
                                             mark + kMark.size() + kDigits == base.size() &&
                                             (base[mark - 1] == '+' || base[mark - 1] == '.')) {
    base = base.substr(0, mark - 1);
  }
  return absl::StrCat(base, base.find('+') == base.npos ? "+" : ".", kMark, digits);
}

}  // namespace

absl::StatusOr<MeasuredBundle> ReplaceMeasurements(absl::string_view bundle, absl::string_view measurements) {
  using Json = nlohmann::ordered_json;
  bool too_deep = false;  // to be written again: that goes by recursion
  const auto shallow = [&too_deep](int depth, Json::parse_event_t, const Json&) {
    too_deep = too_deep || depth > kDeepest;
    return !too_deep;
  };
  const Json measured = Json::parse(measurements, shallow, /*allow_exceptions=*/false);
  if (too_deep) return Wrong("are nested too deep");
  if (!measured.is_object()) return Wrong("are no JSON object");
  for (const auto& [field, value] : measured.items()) {
    if (std::find(std::begin(kFields), std::end(kFields), field) == std::end(kFields)) {
      return Wrong(absl::StrCat("may have the fields operating_points, calibration, cohort and synthetic_people only, ",
                                "and have ", field));
    }
  }
  const absl::StatusOr<std::string> text = ReadBundleManifest(bundle);
  if (!text.ok()) return text.status();
  Json manifest = Json::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (!manifest.is_object()) return absl::FailedPreconditionError("the bundle's likeness.json is no object");
  manifest["operating_points"] = measured.value("operating_points", Json::array());
  for (const char* field : {"calibration", "cohort", "synthetic_people"}) {
    manifest[field] = measured.value(field, Json(nullptr));
  }
  nlohmann::json hashed;  // whose fields are in one order, whoever wrote them
  for (const absl::string_view field : kFields) {
    hashed[std::string(field)] = nlohmann::json::parse(manifest[std::string(field)].dump());
  }
  const auto version = manifest.find("version");
  if (version == manifest.end() || !version->is_string()) {
    return absl::FailedPreconditionError("the bundle's likeness.json has no version");
  }
  *version = VersionOf(version->get<std::string>(), hashed.dump());
  MeasuredBundle result{"", manifest.dump(2) + "\n"};
  absl::StatusOr<std::string> bytes = ReplaceBundleManifest(bundle, result.manifest);
  if (!bytes.ok()) return bytes.status();
  result.bytes = *std::move(bytes);
  return result;
}

}  // namespace likeness
