// The index of references that calls search while it is kept up with the store.
#ifndef LIKENESS_SERVER_GALLERY_LIVE_INDEX_H_
#define LIKENESS_SERVER_GALLERY_LIVE_INDEX_H_

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "server/errors/still_wanted.h"
#include "server/gallery/reference_index.h"
#include "server/gallery/store.h"
#include "server/telemetry/metrics.h"
#include "server/verification/cohort.h"

namespace likeness {

// What a search found, and in what.
struct IndexSearch {
  std::vector<std::optional<NearestPerson>> nearest;  // of each probe
  int64_t number = 0;                                 // up to which the index held every reference
};

// Thread-safe. Any number of calls search at once. Nothing is locked while the store is read, so that a search, a
// removal or a change of the model never waits for it; whatever is removed while a page is on its way does not come in
// with that page.
class LiveIndex {
 public:
  // Both must outlive it.
  LiveIndex(Store& store, Metrics& metrics) : store_(store), metrics_(metrics) {}

  // Reads until the index holds every reference by `model` that the store had when the call began, and returns the
  // highest number. Where it held another model it begins anew. Errors are the store's and those of `still_wanted`.
  absl::StatusOr<int64_t> CatchUp(const ModelDigest& model, StillWanted still_wanted);

  enum class Ahead {
    kDone,     // there is nothing to be read
    kMore,     // a page was read, and there may be others
    kGaveWay,  // nothing was read, because a call catches up
  };
  // CatchUp() for a thread in the background: a page at a time, and none while a call does it.
  absl::StatusOr<Ahead> ReadAhead(const ModelDigest& model);

  // Who is nearest to each probe, except this person, with the cohort of the model (FindNearest()); nothing where the
  // index holds another model, or not everything up to `number`: then CatchUp() must be called again.
  std::optional<IndexSearch> Search(absl::Span<const Embedding> probes, absl::string_view except_person_id,
                                    const Cohort* cohort, int64_t number) const;

  // The store no longer has those of the person with numbers from `first` to `last`.
  void Remove(const PersonKey& person, int64_t first, int64_t last);
  // Nobody knows what the store has of the person now: the person's references are read again.
  void ReadAgain(const PersonKey& person);
  // References with numbers from `first` on have got an embedding by `model`.
  void NoteEmbedded(const ModelDigest& model, int64_t first);
  // The store no longer has any embedding by `model`.
  void Forget(const ModelDigest& model);
  // Nobody knows what the store has.
  void ForgetAll();
  // The store may have more than the index: ReadAhead() looks.
  void NoteNews() { ++news_; }

 private:
  // A page that is being read.
  struct Reading {
    int64_t epoch;  // of the index when it began
    int64_t after;  // which number
    int64_t news;
  };
  struct Range {
    PersonKey person;
    int64_t first, last;
  };
  using Page = std::vector<NumberedEmbedding>;

  // One page; returns whether that was all.
  absl::StatusOr<bool> ReadPage(const ModelDigest& model);
  Reading Begin(const ModelDigest& model);
  // Takes the page in, unless the index has begun anew or gone back since; returns whether it has.
  bool Finish(const Reading& reading, Page* page);
  void GoBackTo(int64_t number) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Store& store_;
  Metrics& metrics_;
  absl::Mutex reading_mutex_;         // held by calls that catch up: one of them reads
  std::atomic<int> catching_up_ = 0;  // calls
  std::atomic<int64_t> news_ = 0;
  mutable absl::Mutex mutex_;
  ReferenceIndex index_ ABSL_GUARDED_BY(mutex_);
  int64_t epoch_ ABSL_GUARDED_BY(mutex_) = 0;  // how often it has begun anew or gone back
  int readings_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<Range> removed_ ABSL_GUARDED_BY(mutex_);         // while pages are being read
  std::optional<int64_t> up_to_date_ ABSL_GUARDED_BY(mutex_);  // with that much news
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_GALLERY_LIVE_INDEX_H_
