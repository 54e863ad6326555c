#include "server/models/model_folder.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/bundle_file/bundle_manifest_file.h"
#include "server/errors/errors.h"
#include "server/files/files.h"
#include "server/seal/seal.h"

namespace likeness {
namespace {

absl::Status NotFound() { return MakeError(Reason::MODEL_NOT_FOUND, "the server has no model of this digest"); }

absl::Status Corrupt(const ModelDigest& digest, absl::string_view why) {
  return MakeError(Reason::MODEL_CORRUPT, absl::StrCat("the model ", digest.Hex(), " is damaged: ", why));
}

}  // namespace

absl::StatusOr<std::unique_ptr<ModelFolder>> ModelFolder::Open(const std::string& folder, ModelEntry base) {
  std::unique_ptr<ModelFolder> opened(new ModelFolder(folder, std::move(base)));
  absl::MutexLock lock(&opened->mutex_);
  try {
    std::filesystem::create_directories(folder);
    std::filesystem::permissions(folder, std::filesystem::perms::owner_all);
    for (const auto& file : std::filesystem::directory_iterator(folder)) {
      if (file.path().extension() != ".json") continue;
      const std::optional<ModelDigest> digest = ModelDigest::FromHex(file.path().stem().string());
      if (digest.has_value()) opened->trained_.emplace(digest->Hex(), opened->ReadEntry(*digest));
    }
  } catch (const std::filesystem::filesystem_error& error) {
    return absl::FailedPreconditionError(absl::StrCat("models folder ", folder, ": ", error.code().message()));
  }
  return opened;
}

ModelFolder::ModelFolder(std::string folder, ModelEntry base) : folder_(std::move(folder)), base_(std::move(base)) {}

std::string ModelFolder::PathOf(const ModelDigest& digest, absl::string_view suffix) const {
  return absl::StrCat(folder_, "/", digest.Hex(), suffix);
}

absl::StatusOr<ModelEntry> ModelFolder::ReadEntry(const ModelDigest& digest) const {
  const absl::StatusOr<std::string> text = ReadWholeFile(PathOf(digest, ".json"));
  if (!text.ok()) return Corrupt(digest, text.status().message());
  const nlohmann::json json = nlohmann::json::parse(*text, nullptr, /*allow_exceptions=*/false);
  try {
    absl::StatusOr<BundleManifest> manifest = ParseBundleManifest(json.at("manifest").dump());
    if (!manifest.ok()) return Corrupt(digest, manifest.status().message());
    return ModelEntry{digest, PathOf(digest, ".pt"), *std::move(manifest),
                      absl::FromUnixMicros(json.at("create_time_microseconds").get<int64_t>()),
                      json.at("training_id").get<std::string>()};
  } catch (const nlohmann::json::exception&) {
    return Corrupt(digest, "its .json file cannot be read");
  }
}

std::vector<ModelEntry> ModelFolder::List() const {
  std::vector<ModelEntry> entries;
  {
    absl::MutexLock lock(&mutex_);
    ReadNewcomers();
    for (const auto& [digest, entry] : trained_) {
      if (entry.ok() && !(entry->digest == base_.digest)) entries.push_back(*entry);
    }
  }
  std::stable_sort(entries.begin(), entries.end(),
                   [](const ModelEntry& a, const ModelEntry& b) { return a.create_time > b.create_time; });
  entries.insert(entries.begin(), base_);
  return entries;
}

absl::StatusOr<ModelEntry> ModelFolder::Find(const ModelDigest& digest) const {
  if (digest == base_.digest) return base_;
  absl::MutexLock lock(&mutex_);
  if (const auto found = trained_.find(digest.Hex()); found != trained_.end()) return found->second;
  absl::StatusOr<ModelEntry> newcomer = ReadNewcomer(digest);
  if (newcomer.ok()) trained_.insert_or_assign(digest.Hex(), *newcomer);
  return newcomer;
}

void ModelFolder::ReadNewcomers() const {
  std::error_code error;
  for (std::filesystem::directory_iterator file(folder_, error), end; !error && file != end; file.increment(error)) {
    if (file->path().extension() != ".pt") continue;
    const std::optional<ModelDigest> digest = ModelDigest::FromHex(file->path().stem().string());
    if (!digest.has_value() || trained_.contains(digest->Hex())) continue;
    absl::StatusOr<ModelEntry> newcomer = ReadNewcomer(*digest);  // perhaps not whole yet
    if (newcomer.ok()) trained_.insert_or_assign(digest->Hex(), *std::move(newcomer));
  }
}

absl::StatusOr<ModelEntry> ModelFolder::ReadNewcomer(const ModelDigest& digest) const {
  std::error_code error;
  if (!std::filesystem::exists(PathOf(digest, ".pt"), error)) return NotFound();
  if (std::filesystem::exists(PathOf(digest, ".json"), error)) return ReadEntry(digest);
  ModelEntry entry{digest, PathOf(digest, ".pt"), {}, absl::Now(), ""};
  const absl::StatusOr<std::string> bundle = ReadBundle(entry);
  if (!bundle.ok()) return bundle.status();
  const absl::StatusOr<std::string> text = ReadBundleManifest(*bundle);
  if (!text.ok()) return Corrupt(digest, text.status().message());
  absl::StatusOr<BundleManifest> manifest = ParseBundleManifest(*text);
  if (!manifest.ok()) return Corrupt(digest, manifest.status().message());
  entry.manifest = *std::move(manifest);
  return entry;
}

absl::StatusOr<std::string> ModelFolder::Read(const ModelDigest& digest) const {
  const absl::StatusOr<ModelEntry> entry = Find(digest);
  if (!entry.ok()) return entry.status();
  return ReadBundle(*entry);
}

absl::StatusOr<std::string> ModelFolder::ReadBundle(const ModelEntry& entry) {
  absl::StatusOr<std::string> bundle = ReadWholeFile(entry.path);
  if (!bundle.ok()) return Corrupt(entry.digest, bundle.status().message());
  const absl::StatusOr<ModelDigest> sealed = VerifySeal(*bundle);
  if (!sealed.ok()) return Corrupt(entry.digest, sealed.status().message());
  if (!(*sealed == entry.digest)) return Corrupt(entry.digest, "its file is that of another model");
  return bundle;
}

absl::StatusOr<ModelEntry> ModelFolder::Add(absl::string_view bundle, const std::string& manifest_json,
                                            absl::string_view training_id, absl::Time now) {
  const absl::StatusOr<ModelDigest> digest = VerifySeal(bundle);
  if (!digest.ok()) return digest.status();
  absl::StatusOr<BundleManifest> manifest = ParseBundleManifest(manifest_json);
  if (!manifest.ok()) return manifest.status();
  if (absl::StatusOr<ModelEntry> there = Find(*digest); there.ok()) return there;
  ModelEntry entry{*digest, PathOf(*digest, ".pt"), *std::move(manifest), now, std::string(training_id)};
  const nlohmann::json json{{"manifest", nlohmann::json::parse(manifest_json)},
                            {"create_time_microseconds", absl::ToUnixMicros(now)},
                            {"training_id", entry.training_id}};
  if (absl::Status status = ReplaceFile(entry.path, bundle); !status.ok()) return status;
  if (absl::Status status = ReplaceFile(PathOf(*digest, ".json"), json.dump(2)); !status.ok()) return status;
  absl::MutexLock lock(&mutex_);
  trained_.insert_or_assign(digest->Hex(), entry);
  return entry;
}

absl::Status ModelFolder::Delete(const ModelDigest& digest) {
  if (digest == base_.digest) return MakeError(Reason::MODEL_IN_USE, "the server was started with this model");
  absl::MutexLock lock(&mutex_);
  if (trained_.erase(digest.Hex()) == 0) return NotFound();
  std::error_code ignored;  // what is left is not in the list any more
  std::filesystem::remove(PathOf(digest, ".json"), ignored);
  std::filesystem::remove(PathOf(digest, ".pt"), ignored);
  return absl::OkStatus();
}

}  // namespace likeness
