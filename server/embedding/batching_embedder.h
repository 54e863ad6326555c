// Puts crops of several calls through the network together.
//
//   BatchingEmbedder batching(network, {.max_batch = 32, .max_delay = absl::Milliseconds(2)}, clock, metrics);
//   if (absl::Status status = batching.WarmUp(); !status.ok()) return status;
//
// Worth its delay where a batch costs less than its crops one by one: on a GPU. On a CPU core it does not.
#ifndef LIKENESS_SERVER_EMBEDDING_BATCHING_EMBEDDER_H_
#define LIKENESS_SERVER_EMBEDDING_BATCHING_EMBEDDER_H_

#include <deque>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/embedding/batch_clock.h"
#include "server/embedding/embedder.h"
#include "server/telemetry/metrics.h"

namespace likeness {

struct BatchingOptions {
  int max_batch = 32;                                // >= 1
  absl::Duration max_delay = absl::Milliseconds(2);  // how long the first crop of a batch waits for others
  int runners = 1;  // batches that may be in the network at once, >= 1: on a GPU one's copies overlap with the other
};

// The sizes that batches are padded to, ascending: the powers of two below `max_batch`, and `max_batch`. A network is
// specialised for each size it meets, which takes seconds on a GPU, so it is made to meet only these.
std::vector<int> BatchSizes(int max_batch);

// Thread-safe. Embed() blocks until the batch with its crops has run.
class BatchingEmbedder : public Embedder {
 public:
  // All must outlive it.
  BatchingEmbedder(const Embedder& network, BatchingOptions options, BatchClock& clock, Metrics& metrics);
  // Answers what waits, then ends its threads. No call may be made any more.
  ~BatchingEmbedder() override;

  // Runs the network once for each size of BatchSizes().
  absl::Status WarmUp() const;

  const BundleManifest& manifest() const override { return network_.manifest(); }
  const ModelDigest& digest() const override { return network_.digest(); }
  std::optional<NetworkDigest> network() const override { return network_.network(); }
  absl::StatusOr<std::vector<Embedding>> Embed(absl::Span<const Picture> crops) const override;
  // Crops that nobody waits for leave the queue before the network runs.
  absl::StatusOr<std::vector<Embedding>> EmbedIfWanted(absl::Span<const Picture> crops,
                                                       StillWanted still_wanted) const override;

 private:
  // A crop in the queue. Lives on the stack of the call that waits for it.
  struct Entry {
    const Picture* crop;
    StillWanted still_wanted;
    absl::Time arrival;
    absl::StatusOr<Embedding> result;
    bool done = false;
  };

  void RunBatches();
  // Waits for a batch; empty when there is nothing left to do.
  std::vector<Entry*> TakeBatch();
  // Sets the results of the entries; returns those that the network is to be run for.
  std::vector<Entry*> DropUnwanted(const std::vector<Entry*>& batch) const;
  void RunNetwork(const std::vector<Entry*>& batch) const;
  bool IsFullOrStopping() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stopping_ || queue_.size() >= static_cast<size_t>(options_.max_batch);
  }
  bool HasWorkOrStops() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stopping_ || !queue_.empty(); }

  const Embedder& network_;
  const BatchingOptions options_;
  const std::vector<int> sizes_;
  BatchClock& clock_;
  Metrics& metrics_;
  absl::Mutex gathering_mutex_;  // held by the runner that gathers a batch, so that two never share one's crops
  mutable absl::Mutex mutex_;
  mutable std::deque<Entry*> queue_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> runners_;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_EMBEDDING_BATCHING_EMBEDDER_H_
