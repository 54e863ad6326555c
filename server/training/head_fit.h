// Fits the linear layer behind a network (server/verification/linear_head.h) to labelled embeddings, in closed form.
//
//   const absl::StatusOr<HeadFitter> fitter = HeadFitter::Create(embeddings, people, HeadMethod::kWccn, /*seed=*/1);
//   const absl::StatusOr<HeadChoice> choice = fitter->Choose();
//   const absl::StatusOr<LinearHead> head = fitter->Fit(*choice);
#ifndef LIKENESS_SERVER_TRAINING_HEAD_FIT_H_
#define LIKENESS_SERVER_TRAINING_HEAD_FIT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/verification/linear_head.h"

namespace likeness {

enum class HeadMethod {
  // Within-class covariance normalization (A. Hatch, S. Kajarekar, A. Stolcke: "Within-class covariance normalization
  // for SVM-based speaker recognition", Interspeech 2006): the directions in which photos of one person differ are
  // scaled down, M = W^(-1/2).
  kWccn,
  // Linear discriminant analysis (Fisher 1936): the same, and then each direction is scaled by the share of the
  // people's
  // differences in it, as probabilistic LDA weighs it (S. Ioffe 2006).
  kLda,
  // The people's mean is subtracted, and nothing else. Needs no labels.
  kMean,
};

// How strongly the layer follows what it is fitted to. The same network as before: {1, 0}.
struct HeadChoice {
  double shrinkage = 1;        // a of W' = (1 − a) W + a tr(W) / n · I, 0 … 1, with the within-class covariance W
  double mean_share = 0;       // of the people's mean that is subtracted, 0 … 1
  double error = 0;            // what Choose() minimized; 0 to 1
  double error_unchanged = 0;  // the same of the network without a layer

  bool changes_nothing() const { return shrinkage == 1 && mean_share == 0; }
};

// The choices to try, the one that changes nothing first and those that change more later.
std::vector<HeadChoice> HeadChoices(HeadMethod method);

// A part of the people, none of whom the layer that belongs to it was fitted to.
struct CrossValidated {
  LinearHead head;
  std::vector<size_t> photos;  // numbers into the embeddings
};

// What is the same for every choice is computed once. Immutable, thread-safe; a choice takes milliseconds.
class HeadFitter {
 public:
  // `embeddings[i]` has unit length and shows `people[i]`: any number, equal for the same person. Both must outlive it.
  // FIELD_INVALID where nobody has two photos, unless the method needs no labels; INTERNAL where sizes differ. For
  // cross-validation people are divided by the seed into five parts, or fewer where there are fewer people.
  static absl::StatusOr<HeadFitter> Create(absl::Span<const std::vector<float>> embeddings,
                                           absl::Span<const int> people, HeadMethod method, uint64_t seed);
  ~HeadFitter();
  HeadFitter(HeadFitter&&) noexcept;

  // The layer, rounded as bundles keep it.
  absl::StatusOr<LinearHead> Fit(const HeadChoice& choice) const;

  // The parts that people are divided into: numbers of their photos.
  std::vector<std::vector<size_t>> parts() const;
  // A layer for each part, in this order, fitted to the others.
  absl::StatusOr<std::vector<CrossValidated>> CrossValidate(const HeadChoice& choice) const;

  // The choice with the least error in cross-validation, the first of equal ones: the mean of the false non-match rates
  // at false match rates of 1e-1, 1e-2 and 1e-3, as far as the pairs inside the parts go. With fewer than ten people
  // nothing is learned about strangers: {1, 0}.
  absl::StatusOr<HeadChoice> Choose() const;

 private:
  struct State;
  explicit HeadFitter(std::unique_ptr<const State> state);

  std::unique_ptr<const State> state_;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_TRAINING_HEAD_FIT_H_
