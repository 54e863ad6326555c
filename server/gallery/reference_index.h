// Every reference by one model, in memory, to find the person whom a face is nearest to.
#ifndef LIKENESS_SERVER_GALLERY_REFERENCE_INDEX_H_
#define LIKENESS_SERVER_GALLERY_REFERENCE_INDEX_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/gallery/store.h"
#include "server/verification/embedding.h"

namespace likeness {

// A person, and how far the person's nearest reference is.
struct NearestPerson {
  std::string person_id;
  double distance = 0;                            // Euclidean
  std::optional<double> crowding = std::nullopt;  // of that reference, where it was given

  friend bool operator==(const NearestPerson&, const NearestPerson&) = default;
};

// Not thread-safe. Looks at all references, one after the other in memory: exact, and bounded by the speed of the
// memory. A reference costs its embedding (four bytes a number) and about 150 bytes for its ids.
class ReferenceIndex {
 public:
  // The model whose references it holds; none that exists, at first.
  const ModelDigest& model() const { return model_; }
  // The highest number added; 0 for none.
  int64_t last_number() const { return last_number_; }
  // References held.
  int64_t size() const { return static_cast<int64_t>(rows_.size()); }

  // Forgets everything. What is added from now on is by `model`.
  void Reset(const ModelDigest& model);
  // Adds a reference with a number above last_number(), and how crowded its place is. One that is damaged, or whose
  // embedding is not as long as those before it, is passed over.
  void Add(const NumberedEmbedding& reference, std::optional<double> crowding = std::nullopt);
  // Both overwrite what they forget.
  void RemovePerson(const PersonKey& person);
  void RemoveReference(const PersonKey& person, absl::string_view reference_id);

  // The person nearest to the probe by normalized distance (decision.h), except this one; nothing where nobody else is
  // there, where the probe is not as long as the references, or where no distance to it is a number.
  std::optional<NearestPerson> FindNearest(absl::Span<const float> probe, absl::string_view except_person_id) const;

 private:
  struct Row {
    PersonKey person;
    std::string person_id;
    std::string reference_id;
    std::optional<double> crowding;
  };
  absl::Span<const float> ValuesOf(size_t row) const { return absl::MakeSpan(values_).subspan(row * width_, width_); }
  template <typename Condition>
  void RemoveWhere(Condition condition);

  ModelDigest model_;
  int64_t last_number_ = 0;
  size_t width_ = 0;           // numbers in an embedding; 0 before the first
  std::vector<Row> rows_;      // in no order
  std::vector<float> values_;  // of all rows, one after the other
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_GALLERY_REFERENCE_INDEX_H_
