#include "server/models/model_folder.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
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
  try {
    std::filesystem::create_directories(folder);
    std::filesystem::permissions(folder, std::filesystem::perms::owner_all);
    const std::filesystem::directory_iterator readable(folder);
  } catch (const std::filesystem::filesystem_error& error) {
    return absl::FailedPreconditionError(absl::StrCat("models folder ", folder, ": ", error.code().message()));
  }
  return std::unique_ptr<ModelFolder>(new ModelFolder(folder, std::move(base)));
}

ModelFolder::ModelFolder(std::string folder, ModelEntry base) : folder_(std::move(folder)), base_(std::move(base)) {}

std::string ModelFolder::PathOf(const ModelDigest& digest, absl::string_view suffix) const {
  return absl::StrCat(folder_, "/", digest.Hex(), suffix);
}

std::vector<ModelEntry> ModelFolder::List() const {
  std::vector<ModelEntry> entries;
  {
    absl::MutexLock lock(&mutex_);
    std::set<std::string> there;
    std::error_code error;
    for (std::filesystem::directory_iterator file(folder_, error), end; !error && file != end; file.increment(error)) {
      if (file->path().extension() != ".pt") continue;
      const std::optional<ModelDigest> digest = ModelDigest::FromHex(file->path().stem().string());
      if (!digest.has_value() || *digest == base_.digest) continue;
      absl::StatusOr<ModelEntry> entry = Look(*digest);
      if (entry.ok()) entries.push_back(*std::move(entry));
      there.insert(digest->Hex());
    }
    std::erase_if(known_, [&there](const auto& known) { return !there.contains(known.first); });
  }
  std::stable_sort(entries.begin(), entries.end(),
                   [](const ModelEntry& a, const ModelEntry& b) { return a.create_time > b.create_time; });
  entries.insert(entries.begin(), base_);
  return entries;
}

absl::StatusOr<ModelEntry> ModelFolder::Find(const ModelDigest& digest) const {
  if (digest == base_.digest) return base_;
  absl::MutexLock lock(&mutex_);
  return Look(digest);
}

absl::StatusOr<ModelEntry> ModelFolder::Look(const ModelDigest& digest) const {
  // Before the files are read: what is changed meanwhile has another stamp next time.
  const std::optional<FileStamp> bundle = StampOf(PathOf(digest, ".pt"));
  const std::optional<FileStamp> description = StampOf(PathOf(digest, ".json"));
  const auto known = known_.find(digest.Hex());
  if (known != known_.end() && bundle == known->second.bundle && description == known->second.description) {
    return known->second.entry;
  }
  if (known != known_.end()) known_.erase(known);
  absl::StatusOr<ModelEntry> entry = Read(digest);  // and forgets the bytes
  const absl::Time now = absl::Now();
  if (bundle.has_value() && bundle->Settled(now) && (!description.has_value() || description->Settled(now))) {
    known_.emplace(digest.Hex(), Known{*bundle, description, entry});
  }
  return entry;
}

absl::StatusOr<VerifiedModel> ModelFolder::Read(const ModelDigest& digest) const {
  const bool base = digest == base_.digest;
  const std::string path = base ? base_.path : PathOf(digest, ".pt");
  absl::StatusOr<VerifiedBundle> bundle = VerifiedBundle::Read(path);
  if (absl::IsNotFound(bundle.status()) && !base && !StampOf(PathOf(digest, ".json")).has_value()) return NotFound();
  if (!bundle.ok()) return Corrupt(digest, bundle.status().message());
  if (!(bundle->digest() == digest)) return Corrupt(digest, "its file is that of another model");
  VerifiedModel model{base ? base_ : ModelEntry{digest, path, {}, {}, ""}, *std::move(bundle)};
  if (base) return model;
  if (absl::Status status = Describe(model); !status.ok()) return status;
  return model;
}

absl::Status ModelFolder::Describe(VerifiedModel& model) const {
  std::string manifest_json;
  if (const std::string path = PathOf(model.digest, ".json"); StampOf(path).has_value()) {
    const absl::StatusOr<std::string> text = ReadWholeFile(path);
    if (!text.ok()) return Corrupt(model.digest, text.status().message());
    const nlohmann::json json = nlohmann::json::parse(*text, nullptr, /*allow_exceptions=*/false);
    try {
      manifest_json = json.at("manifest").dump();
      model.create_time = absl::FromUnixMicros(json.at("create_time_microseconds").get<int64_t>());
      model.training_id = json.at("training_id").get<std::string>();
    } catch (const nlohmann::json::exception&) {
      return Corrupt(model.digest, "its .json file cannot be read");
    }
  } else {
    absl::StatusOr<std::string> text = ReadBundleManifest(model.bundle.bytes());
    if (!text.ok()) return Corrupt(model.digest, text.status().message());
    manifest_json = *std::move(text);
    const std::optional<FileStamp> stamp = StampOf(model.path);
    model.create_time = stamp.has_value() ? stamp->changed : absl::Now();
  }
  absl::StatusOr<BundleManifest> manifest = ParseBundleManifest(manifest_json);
  if (!manifest.ok()) return Corrupt(model.digest, manifest.status().message());
  model.manifest = *std::move(manifest);
  return absl::OkStatus();
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
  return entry;
}

absl::Status ModelFolder::Delete(const ModelDigest& digest) {
  if (digest == base_.digest) return MakeError(Reason::MODEL_IN_USE, "the server was started with this model");
  // The bundle first: without it the rest is no model, if this is interrupted.
  std::error_code error;
  bool removed = std::filesystem::remove(PathOf(digest, ".pt"), error);
  if (!error) removed |= std::filesystem::remove(PathOf(digest, ".json"), error);
  if (error) {
    return absl::FailedPreconditionError(
        absl::StrCat("the files of the model cannot be removed from ", folder_, ": ", error.message()));
  }
  return removed ? absl::OkStatus() : NotFound();
}

}  // namespace likeness
