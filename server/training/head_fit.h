// Fits the linear layer behind a network (server/verification/linear_head.h) to labelled embeddings, in closed form.
//
//   const absl::StatusOr<HeadChoice> choice = ChooseHead(embeddings, people, HeadMethod::kWccn, /*seed=*/1);
//   const absl::StatusOr<LinearHead> head = FitHead(embeddings, people, HeadMethod::kWccn, *choice);
#ifndef LIKENESS_SERVER_TRAINING_HEAD_FIT_H_
#define LIKENESS_SERVER_TRAINING_HEAD_FIT_H_

#include <cstddef>
#include <cstdint>
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
  double error = 0;            // what ChooseHead() minimized; 0 to 1
  double error_unchanged = 0;  // the same of the network without a layer

  bool changes_nothing() const { return shrinkage == 1 && mean_share == 0; }
};

// `embeddings[i]` has unit length and shows `people[i]`: any number, equal for the same person. FIELD_INVALID where
// nobody has two photos, unless the method needs no labels; INTERNAL where sizes differ. The head is rounded as bundles
// keep it. Pure, thread-safe; seconds for thousands of faces.
absl::StatusOr<LinearHead> FitHead(absl::Span<const std::vector<float>> embeddings, absl::Span<const int> people,
                                   HeadMethod method, const HeadChoice& choice);

// The choices to try, the one that changes nothing first and those that change more later.
std::vector<HeadChoice> HeadChoices(HeadMethod method);

// Cross-validation over people: of each of five parts of them, a layer fitted to the other four is measured on all
// pairs of the part. The error is the mean of the false non-match rates at false match rates of 1e-1, 1e-2 and 1e-3, as
// far as the pairs go; the choice with the least is returned, the one nearest to the network as it was of equal ones.
// With fewer than ten people nothing is learned about strangers: {1, 0}.
absl::StatusOr<HeadChoice> ChooseHead(absl::Span<const std::vector<float>> embeddings, absl::Span<const int> people,
                                      HeadMethod method, uint64_t seed);

// A part of the people, none of whom the layer that belongs to it was fitted to.
struct CrossValidated {
  LinearHead head;
  std::vector<size_t> photos;  // numbers into the embeddings
};

// A layer for each of five parts (fewer where there are fewer people with two photos) of the people. Errors as
// FitHead().
absl::StatusOr<std::vector<CrossValidated>> CrossValidate(absl::Span<const std::vector<float>> embeddings,
                                                          absl::Span<const int> people, HeadMethod method,
                                                          const HeadChoice& choice, uint64_t seed);

}  // namespace likeness

#endif  // LIKENESS_SERVER_TRAINING_HEAD_FIT_H_
