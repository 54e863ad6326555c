#include "server/trainings/embed_faces.h"

#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace likeness {
namespace {

constexpr size_t kFacesAtOnce = 32;

void SetProgress(size_t done, size_t all, absl::Duration spent, v1::TrainingProgress& progress) {
  progress.set_epoch(1);
  progress.set_step(static_cast<int>(done));
  progress.set_steps(static_cast<int>(all));
  const double per_second = static_cast<double>(done) / std::max(absl::ToDoubleSeconds(spent), 1e-3);
  progress.set_photos_per_second(per_second);
  if (done == 0) return;
  *progress.mutable_time_left() = google::protobuf::util::TimeUtil::MillisecondsToDuration(
      static_cast<int64_t>(1000 * static_cast<double>(all - done) / per_second));
}

}  // namespace

absl::StatusOr<std::vector<std::vector<float>>> EmbedFaces(const Embedder& embedder,
                                                           absl::Span<const Picture* const> crops, v1::Training& record,
                                                           OnChange on_change) {
  const absl::Time start = absl::Now();
  std::vector<std::vector<float>> rows;
  while (rows.size() < crops.size()) {
    SetProgress(rows.size(), crops.size(), absl::Now() - start, *record.mutable_progress());
    if (absl::Status status = on_change(record, /*durable=*/false); !status.ok()) return status;
    std::vector<Picture> batch;
    for (const Picture* crop : crops.subspan(rows.size(), kFacesAtOnce)) batch.push_back(*crop);
    absl::StatusOr<std::vector<Embedding>> embeddings = embedder.Embed(batch);
    if (!embeddings.ok()) return embeddings.status();
    for (Embedding& embedding : *embeddings) rows.push_back(std::move(embedding.values));
  }
  SetProgress(rows.size(), crops.size(), absl::Now() - start, *record.mutable_progress());
  return rows;
}

}  // namespace likeness
