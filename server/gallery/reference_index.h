// Every reference by one model, in memory, to find the person whom a face is nearest to.
#ifndef LIKENESS_SERVER_GALLERY_REFERENCE_INDEX_H_
#define LIKENESS_SERVER_GALLERY_REFERENCE_INDEX_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/gallery/store.h"
#include "server/verification/cohort.h"
#include "server/verification/embedding.h"

namespace likeness {

// A person, and how far the person's nearest reference is.
struct NearestPerson {
  std::string person_id;
  double distance = 0;                            // Euclidean
  std::optional<double> crowding = std::nullopt;  // of that reference, where the model has a cohort

  // Less for whom a probe is nearer to by normalized distance (decision.h); what the probe's own crowding adds to it is
  // the same for all.
  double rank() const { return distance - crowding.value_or(0) / 2; }
  friend bool operator==(const NearestPerson&, const NearestPerson&) = default;
};

// Not thread-safe, except that any number of threads may search at once. Looks at all references, one after the other
// in memory: exact, and bounded by the speed of the memory. Adding and removing take a time that does not depend on how
// many there are. A reference costs its embedding (four bytes a number) and about 140 bytes beside it.
class ReferenceIndex {
 public:
  static constexpr int64_t kAll = std::numeric_limits<int64_t>::max();

  // The model whose references it holds; none that exists, at first.
  const ModelDigest& model() const { return model_; }
  // Up to which number everything has been added; 0 for nothing.
  int64_t last_number() const { return last_number_; }
  // References held.
  int64_t size() const { return static_cast<int64_t>(rows_.size()); }

  // Forgets everything. What is added from now on is by `model`.
  void Reset(const ModelDigest& model);
  // Sets last_number() back, so that what is above it may be added once more.
  void GoBackTo(int64_t number);
  // Adds a reference. One that is held, or damaged, or whose embedding is not as long as those before it, is passed
  // over.
  void Add(NumberedEmbedding reference);
  // Forgets those of the person with numbers from `first` to `last`, and overwrites them.
  void Remove(const PersonKey& person, int64_t first = 0, int64_t last = kAll);
  // The lowest number of a reference that is held of the person.
  std::optional<int64_t> FirstNumberOf(const PersonKey& person) const;

  // The person nearest to the probe by normalized distance, except this one; nothing where nobody else is there, where
  // the probe is not as long as the references, or where no distance to it is a number. `cohort` is the model's, the
  // same at every search, null where it has none. How crowded a reference's place is, is measured once it matters: by
  // the first search that the reference may be the nearest in.
  std::optional<NearestPerson> FindNearest(absl::Span<const float> probe, absl::string_view except_person_id,
                                           const Cohort* cohort = nullptr) const;

 private:
  struct Row {
    PersonKey person;
    int64_t number = 0;
    std::string person_id;
  };
  // The numbers of so many rows, in one piece: nothing is copied when more come.
  struct Block {
    std::vector<float> values;
    std::vector<float> crowding;  // NaN until it was measured
  };
  static constexpr size_t kRowsOfBlock = 1024;

  float* ValuesOf(size_t row) { return blocks_[row / kRowsOfBlock].values.data() + row % kRowsOfBlock * width_; }
  const float* ValuesOf(size_t row) const { return const_cast<ReferenceIndex*>(this)->ValuesOf(row); }
  float& CrowdingOf(size_t row) { return blocks_[row / kRowsOfBlock].crowding[row % kRowsOfBlock]; }
  // Measures it where nobody has.
  float CrowdingOf(size_t row, const Cohort& cohort) const;
  bool Holds(const PersonKey& person, int64_t number) const;
  void RemoveRow(size_t row);

  ModelDigest model_;
  int64_t last_number_ = 0;
  size_t width_ = 0;           // numbers in an embedding; 0 before the first
  std::deque<Row> rows_;       // in no order
  std::vector<Block> blocks_;  // of the rows, in the same order
  absl::flat_hash_map<PersonKey, absl::InlinedVector<uint32_t, 4>> rows_of_;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_GALLERY_REFERENCE_INDEX_H_
