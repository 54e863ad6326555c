#include "server/embedding/torch_embedder.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/errors/errors.h"

namespace likeness {
namespace {

constexpr double kUnitLengthTolerance = 1e-3;

absl::Status Naming(const std::string& path, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat("model bundle ", path, ": ", status.message()));
}

}  // namespace

TorchEmbedder::TorchEmbedder(Network network, BundleManifest manifest, const Archive& archive)
    : network_(std::move(network)),
      manifest_(std::move(manifest)),
      digest_(archive.digest()),
      network_digest_(archive.network_digest()) {}

absl::StatusOr<std::unique_ptr<TorchEmbedder>> TorchEmbedder::Load(const std::string& path, const Device& device,
                                                                   Precision precision) {
  const absl::StatusOr<VerifiedBundle> bundle = VerifiedBundle::Read(path);
  if (!bundle.ok()) return bundle.status();
  return Load(*bundle, device, precision);
}

absl::StatusOr<std::unique_ptr<TorchEmbedder>> TorchEmbedder::Load(const VerifiedBundle& bundle, const Device& device,
                                                                   Precision precision) {
  const std::string& path = bundle.path();
  const absl::StatusOr<Archive> archive = Archive::Open(bundle, device);
  if (!archive.ok()) return archive.status();
  absl::StatusOr<BundleManifest> manifest = ParseBundleManifest(archive->manifest());
  if (!manifest.ok()) return Naming(path, manifest.status());
  const std::vector<int64_t> one_face = {1, static_cast<int64_t>(manifest->input.mean.size()), manifest->input_height,
                                         manifest->input_width};
  absl::StatusOr<Network> network = archive->LoadNetwork("", precision, one_face);
  if (!network.ok()) return network.status();
  std::unique_ptr<TorchEmbedder> embedder(new TorchEmbedder(*std::move(network), *std::move(manifest), *archive));
  const absl::Status warm = embedder->network_.WarmUp(one_face);
  if (!warm.ok()) return Naming(path, warm);
  if (absl::Status status = embedder->CheckAgainstManifest(); !status.ok()) return Naming(path, status);
  return embedder;
}

absl::StatusOr<std::vector<Embedding>> TorchEmbedder::Embed(absl::Span<const Picture> crops) const {
  std::vector<float> planes;
  for (const Picture& crop : crops) {
    if (crop.width != manifest_.input_width || crop.height != manifest_.input_height) {
      return MakeError(Reason::INTERNAL, "a crop does not have the size of the network's input");
    }
    AppendPlanes(crop.rgb, manifest_.input, planes);
  }
  const int64_t count = static_cast<int64_t>(crops.size());
  absl::StatusOr<std::vector<Tensor>> outputs = network_.Run(
      planes,
      {count, static_cast<int64_t>(manifest_.input.mean.size()), manifest_.input_height, manifest_.input_width});
  if (!outputs.ok()) return outputs.status();
  if (outputs->size() != 1 || outputs->front().shape != std::vector<int64_t>{count, manifest_.embedding_size}) {
    return MakeError(Reason::NETWORK_FAILED,
                     absl::StrCat("the network's output is not ", count, "x", manifest_.embedding_size));
  }
  const std::vector<float>& values = outputs->front().values;
  if (!std::all_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); })) {
    return MakeError(Reason::NETWORK_FAILED, "the network made an embedding that is not a number");
  }
  std::vector<Embedding> embeddings;
  for (auto row = values.begin(); row != values.end(); row += manifest_.embedding_size) {
    embeddings.push_back(Embedding{digest_, {row, row + manifest_.embedding_size}});
  }
  return embeddings;
}

absl::Status TorchEmbedder::CheckAgainstManifest() const {
  Picture grey{manifest_.input_width, manifest_.input_height, {}};
  grey.rgb.assign(static_cast<size_t>(grey.width) * static_cast<size_t>(grey.height) * 3, 128);
  const absl::StatusOr<std::vector<Embedding>> embeddings = Embed({grey});
  if (!embeddings.ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat("its network does not do what likeness.json says: ", embeddings.status().message()));
  }
  double squares = 0;
  for (float value : embeddings->front().values) squares += static_cast<double>(value) * value;
  if (manifest_.unit_length && std::abs(std::sqrt(squares) - 1) > kUnitLengthTolerance) {
    return absl::FailedPreconditionError(absl::StrCat(
        "field embedding.unit_length is true, but the network made an embedding of length ", std::sqrt(squares)));
  }
  return absl::OkStatus();
}

}  // namespace likeness
