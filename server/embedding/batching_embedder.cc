#include "server/embedding/batching_embedder.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "server/errors/errors.h"
#include "server/threads/guarded.h"

namespace likeness {

std::vector<int> BatchSizes(int max_batch) {
  std::vector<int> sizes;
  for (int size = 1; size < max_batch; size *= 2) sizes.push_back(size);
  sizes.push_back(max_batch);
  return sizes;
}

BatchingEmbedder::BatchingEmbedder(const Embedder& network, BatchingOptions options, BatchClock& clock,
                                   Metrics& metrics)
    : network_(network), options_(options), sizes_(BatchSizes(options.max_batch)), clock_(clock), metrics_(metrics) {
  for (int i = 0; i < options_.runners; ++i) runners_.emplace_back([this] { RunBatches(); });
}

BatchingEmbedder::~BatchingEmbedder() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  for (std::thread& runner : runners_) runner.join();
}

absl::Status BatchingEmbedder::WarmUp() const {
  Picture black{manifest().input_width, manifest().input_height, {}};
  black.rgb.resize(static_cast<size_t>(black.width) * static_cast<size_t>(black.height) * 3);
  for (int size : sizes_) {
    const absl::StatusOr<std::vector<Embedding>> embeddings =
        network_.Embed(std::vector<Picture>(static_cast<size_t>(size), black));
    if (!embeddings.ok()) return embeddings.status();
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Embedding>> BatchingEmbedder::Embed(absl::Span<const Picture> crops) const {
  return EmbedIfWanted(crops, [] { return absl::OkStatus(); });
}

absl::StatusOr<std::vector<Embedding>> BatchingEmbedder::EmbedIfWanted(absl::Span<const Picture> crops,
                                                                       StillWanted still_wanted) const {
  std::vector<Entry> entries;
  entries.reserve(crops.size());  // the queue points into it
  for (const Picture& crop : crops) {
    entries.push_back({&crop, still_wanted, clock_.Now(), absl::UnknownError("not run yet")});
  }
  {
    absl::MutexLock lock(&mutex_);
    for (Entry& entry : entries) queue_.push_back(&entry);
    metrics_.SetBatchQueueDepth(static_cast<int64_t>(queue_.size()));
    const auto all_done = [&entries] {
      return std::all_of(entries.begin(), entries.end(), [](const Entry& entry) { return entry.done; });
    };
    mutex_.Await(absl::Condition(&all_done));
  }
  std::vector<Embedding> embeddings;
  for (Entry& entry : entries) {
    if (!entry.result.ok()) return entry.result.status();
    embeddings.push_back(*std::move(entry.result));
  }
  return embeddings;
}

void BatchingEmbedder::RunBatches() {
  bool more = true;
  while (more) {
    std::vector<Entry*> batch;
    const absl::Status ran = RunGuarded(ThreadKind::kBatching, [&] {
      batch = TakeBatch();
      more = !batch.empty();
      if (const std::vector<Entry*> wanted = DropUnwanted(batch); !wanted.empty()) RunNetwork(wanted);
    });
    absl::MutexLock lock(&mutex_);
    for (Entry* entry : batch) {
      if (!ran.ok()) entry->result = ran;
      entry->done = true;
    }
  }
}

std::vector<BatchingEmbedder::Entry*> BatchingEmbedder::TakeBatch() {
  absl::MutexLock gathering(&gathering_mutex_);
  absl::MutexLock lock(&mutex_);
  mutex_.Await(absl::Condition(this, &BatchingEmbedder::HasWorkOrStops));
  if (queue_.empty()) return {};
  clock_.AwaitUntil(mutex_, absl::Condition(this, &BatchingEmbedder::IsFullOrStopping),
                    queue_.front()->arrival + options_.max_delay);
  const auto count = static_cast<std::ptrdiff_t>(std::min(queue_.size(), static_cast<size_t>(options_.max_batch)));
  std::vector<Entry*> batch(queue_.begin(), queue_.begin() + count);
  queue_.erase(queue_.begin(), queue_.begin() + count);
  metrics_.SetBatchQueueDepth(static_cast<int64_t>(queue_.size()));
  return batch;
}

std::vector<BatchingEmbedder::Entry*> BatchingEmbedder::DropUnwanted(const std::vector<Entry*>& batch) const {
  std::vector<Entry*> wanted;
  const absl::Time now = clock_.Now();
  for (Entry* entry : batch) {
    metrics_.ObserveBatchWait(absl::ToDoubleSeconds(now - entry->arrival));
    if (absl::Status status = entry->still_wanted(); !status.ok()) {
      entry->result = std::move(status);
    } else {
      wanted.push_back(entry);
    }
  }
  return wanted;
}

void BatchingEmbedder::RunNetwork(const std::vector<Entry*>& batch) const {
  const auto size =
      static_cast<size_t>(*std::lower_bound(sizes_.begin(), sizes_.end(), static_cast<int>(batch.size())));
  std::vector<Picture> crops;
  for (const Entry* entry : batch) crops.push_back(*entry->crop);
  crops.resize(size, crops.back());
  const auto start = std::chrono::steady_clock::now();
  absl::StatusOr<std::vector<Embedding>> embeddings = network_.Embed(crops);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  metrics_.ObserveBatch(static_cast<int64_t>(batch.size()), seconds);
  for (size_t i = 0; i < batch.size(); ++i) {
    if (embeddings.ok()) {
      batch[i]->result = std::move((*embeddings)[i]);
    } else {
      batch[i]->result = embeddings.status();
    }
  }
}

}  // namespace likeness
