#include "server/models/embedding_pass.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/encoding/crop_kind.h"
#include "server/errors/errors.h"

namespace likeness {
namespace {

// Crops take memory and time; a mapped embedding takes what it takes to be written.
constexpr size_t kCropsAtOnce = 32;
constexpr size_t kMappedAtOnce = 1000;
// The servers of a shared gallery write in turns, one statement a network round trip.
constexpr size_t kMappedAtOnceIfShared = 100;

// In groups of so many, the last of which may have fewer.
template <typename Handle>
absl::Status ForEachGroup(const std::vector<UnembeddedReference>& references, size_t size, Handle handle) {
  for (size_t from = 0; from < references.size(); from += size) {
    if (absl::Status status = handle(absl::MakeConstSpan(references).subspan(from, size)); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace

Transition TransitionTo(const Generation& active, Generation next) {
  EmbeddingSources sources{CropKindOf(next.embedder->manifest())};
  std::optional<EmbeddingMap> map = MapBetween(*active.embedder, *next.embedder);
  if (map.has_value()) sources.mapped_from = active.embedder->digest();
  return {std::move(next), std::move(map), std::move(sources)};
}

EmbeddingPass::EmbeddingPass(Gallery& gallery, const Transition& transition, std::function<absl::Status()> check,
                             std::function<void(int64_t)> on_added)
    : gallery_(gallery), transition_(transition), check_(std::move(check)), on_added_(std::move(on_added)) {}

absl::StatusOr<int64_t> EmbeddingPass::EmbedUpTo(int64_t most, DamagedCrops& damaged) {
  const bool may_map = transition_.map.has_value();
  const size_t mapped_at_once = gallery_.shared() ? kMappedAtOnceIfShared : kMappedAtOnce;
  int64_t after = 0;
  int64_t embedded = 0;
  while (embedded < most) {
    if (absl::Status status = check_(); !status.ok()) return status;
    absl::StatusOr<std::vector<UnembeddedReference>> page =
        gallery_.Unembedded(transition_.next.embedder->digest(), transition_.sources, after,
                            static_cast<int>(may_map ? kMappedAtOnce : kCropsAtOnce));
    if (!page.ok()) return page.status();
    if (page->empty()) break;
    after = page->back().number;
    std::vector<UnembeddedReference> mapped;
    std::vector<UnembeddedReference> cropped;
    for (UnembeddedReference& reference : *page) {
      (reference.values.empty() ? cropped : mapped).push_back(std::move(reference));
    }
    // Where embeddings are mapped, a reference with nothing whole left is one that nobody could be verified by before
    // either: STORE_CORRUPT, or MODEL_MISMATCH.
    DamagedCrops lost_before;
    absl::Status status = ForEachGroup(mapped, mapped_at_once, [&](const auto group) { return AddMapped(group); });
    if (status.ok()) {
      status = ForEachGroup(cropped, kCropsAtOnce, [&](const auto group) {
        return AddEmbedded(group, may_map ? lost_before : damaged, embedded);
      });
    }
    if (!status.ok()) return status;
    embedded += static_cast<int64_t>(mapped.size());
  }
  return embedded;
}

absl::Status EmbeddingPass::AddMapped(absl::Span<const UnembeddedReference> references) {
  if (absl::Status status = check_(); !status.ok()) return status;
  std::vector<Embedding> embeddings;
  embeddings.reserve(references.size());
  for (const UnembeddedReference& reference : references) {
    std::vector<float> values = transition_.map->Map(reference.values);
    if (!std::all_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); })) {
      return MakeError(Reason::NETWORK_FAILED, absl::StrCat("the model has no embedding for that of reference ",
                                                            reference.reference_id, "; delete it and enroll again"));
    }
    embeddings.push_back({transition_.next.embedder->digest(), std::move(values)});
  }
  return Add(references, embeddings);
}

absl::Status EmbeddingPass::AddEmbedded(absl::Span<const UnembeddedReference> references, DamagedCrops& damaged,
                                        int64_t& embedded) {
  if (absl::Status status = check_(); !status.ok()) return status;
  const DecodedCrops decoded = DecodeCrops(references, transition_.next.embedder->manifest(), damaged);
  if (decoded.crops.empty()) return absl::OkStatus();
  const absl::StatusOr<std::vector<Embedding>> embeddings = transition_.next.embedder->Embed(decoded.crops);
  if (!embeddings.ok()) return embeddings.status();
  embedded += static_cast<int64_t>(decoded.references.size());
  return Add(decoded.references, *embeddings);
}

absl::Status EmbeddingPass::Add(absl::Span<const UnembeddedReference> references,
                                absl::Span<const Embedding> embeddings) {
  if (absl::Status status = gallery_.AddEmbeddings(references, embeddings); !status.ok()) return status;
  on_added_(static_cast<int64_t>(references.size()));
  return absl::OkStatus();
}

}  // namespace likeness
