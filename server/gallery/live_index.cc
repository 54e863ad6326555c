#include "server/gallery/live_index.h"

#include <algorithm>
#include <utility>

#include "absl/cleanup/cleanup.h"

namespace likeness {
namespace {

constexpr int kPage = 4000;

}  // namespace

absl::StatusOr<int64_t> LiveIndex::CatchUp(const ModelDigest& model, StillWanted still_wanted) {
  ++catching_up_;
  const absl::Cleanup done = [this] { --catching_up_; };
  absl::MutexLock reading(&reading_mutex_);
  while (true) {
    if (absl::Status wanted = still_wanted(); !wanted.ok()) return wanted;
    const absl::StatusOr<bool> all = ReadPage(model);
    if (!all.ok()) return all.status();
    if (!*all) continue;
    absl::ReaderMutexLock lock(&mutex_);
    return index_.last_number();
  }
}

absl::StatusOr<LiveIndex::Ahead> LiveIndex::ReadAhead(const ModelDigest& model) {
  if (catching_up_ > 0) return Ahead::kGaveWay;
  {
    absl::ReaderMutexLock lock(&mutex_);
    if (index_.model() == model && up_to_date_ == news_.load()) return Ahead::kDone;
  }
  const absl::StatusOr<bool> all = ReadPage(model);
  if (!all.ok()) return all.status();
  return *all ? Ahead::kDone : Ahead::kMore;
}

absl::StatusOr<bool> LiveIndex::ReadPage(const ModelDigest& model) {
  const Reading reading = Begin(model);
  absl::StatusOr<Page> page = store_.EmbeddingsBy(model, reading.after, kPage);
  if (!page.ok()) {
    Finish(reading, nullptr);
    return page.status();
  }
  const bool last = page->size() < kPage;
  return Finish(reading, &*page) && last;
}

LiveIndex::Reading LiveIndex::Begin(const ModelDigest& model) {
  absl::WriterMutexLock lock(&mutex_);
  if (index_.model() != model) {
    index_.Reset(model);
    GoBackTo(0);
  }
  ++readings_;
  return {epoch_, index_.last_number(), news_};
}

bool LiveIndex::Finish(const Reading& reading, Page* page) {
  absl::WriterMutexLock lock(&mutex_);
  const bool current = page != nullptr && epoch_ == reading.epoch;
  if (current) {
    for (NumberedEmbedding& reference : *page) {
      const bool gone = !removed_.empty() && std::any_of(removed_.begin(), removed_.end(), [&](const Range& range) {
        return range.first <= reference.number && reference.number <= range.last &&
               range.person == PersonKeyOf(reference.person_id);
      });
      if (gone) reference.values.clear();
      index_.Add(std::move(reference));
    }
    if (page->size() < kPage) up_to_date_ = reading.news;
    metrics_.SetIndexedReferences(index_.size());
  }
  if (--readings_ == 0) removed_.clear();
  return current;
}

std::optional<IndexSearch> LiveIndex::Search(absl::Span<const Embedding> probes, absl::string_view except_person_id,
                                             const Cohort* cohort, int64_t number) const {
  absl::ReaderMutexLock lock(&mutex_);
  if (index_.last_number() < number) return std::nullopt;
  IndexSearch search{.nearest = {}, .number = index_.last_number()};
  for (const Embedding& probe : probes) {
    if (probe.model != index_.model()) return std::nullopt;
    search.nearest.push_back(index_.FindNearest(probe.values, except_person_id, cohort));
  }
  return search;
}

void LiveIndex::Remove(const PersonKey& person, int64_t first, int64_t last) {
  absl::WriterMutexLock lock(&mutex_);
  index_.Remove(person, first, last);
  if (readings_ > 0) removed_.push_back({person, first, last});
  metrics_.SetIndexedReferences(index_.size());
}

void LiveIndex::ReadAgain(const PersonKey& person) {
  absl::WriterMutexLock lock(&mutex_);
  const std::optional<int64_t> first = index_.FirstNumberOf(person);
  index_.Remove(person);
  GoBackTo(first.has_value() ? *first - 1 : index_.last_number());
  metrics_.SetIndexedReferences(index_.size());
}

void LiveIndex::NoteEmbedded(const ModelDigest& model, int64_t first) {
  absl::WriterMutexLock lock(&mutex_);
  if (index_.model() == model) GoBackTo(first - 1);
}

void LiveIndex::Forget(const ModelDigest& model) {
  absl::WriterMutexLock lock(&mutex_);
  if (index_.model() != model) return;
  index_.Reset(model);
  GoBackTo(0);
  metrics_.SetIndexedReferences(0);
}

void LiveIndex::ForgetAll() {
  absl::WriterMutexLock lock(&mutex_);
  index_.Reset(index_.model());
  GoBackTo(0);
  metrics_.SetIndexedReferences(0);
}

void LiveIndex::GoBackTo(int64_t number) {
  index_.GoBackTo(std::max<int64_t>(number, 0));
  ++epoch_;  // what is on its way began elsewhere
  up_to_date_.reset();
}

}  // namespace likeness
