#include "server/training/head_fit.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <utility>

#include "server/errors/errors.h"
#include "server/statistics/seeded_random.h"
#include "server/training/embedding_pairs.h"
#include "server/verification/accuracy.h"

namespace likeness {
namespace {

constexpr size_t kParts = 5;
constexpr size_t kFewestPeople = 10;
// From the network as it was to what fits the people most, so that of equal choices the first one changes least.
constexpr double kShrinkages[] = {1, 0.95, 0.9, 0.8, 0.6, 0.4, 0.2};
constexpr double kMeanShares[] = {0, 0.25, 0.5, 1};
constexpr double kErrorRates[] = {1e-1, 1e-2, 1e-3};
// What a direction's share of the differences between people weighs against that within one person.
constexpr double kLdaWeight = 1;

// What a head is fitted to.
struct Moments {
  Eigen::VectorXd mean;  // of the people's means
  // Of the covariance of a person's photos around their mean, W: ascending, and a column each.
  Eigen::VectorXd within_values;
  Eigen::MatrixXd within_vectors;
  Eigen::MatrixXd between;  // covariance of the people's means
};

Moments Measure(absl::Span<const std::vector<float>> embeddings, const std::vector<std::vector<size_t>>& people) {
  const auto n = static_cast<Eigen::Index>(embeddings.front().size());
  Eigen::MatrixXd means(static_cast<Eigen::Index>(people.size()), n);
  Eigen::MatrixXd within = Eigen::MatrixXd::Zero(n, n);
  size_t differences = 0;
  for (size_t person = 0; person < people.size(); ++person) {
    Eigen::MatrixXd faces(static_cast<Eigen::Index>(people[person].size()), n);
    for (size_t i = 0; i < people[person].size(); ++i) {
      const std::vector<float>& values = embeddings[people[person][i]];
      faces.row(static_cast<Eigen::Index>(i)) = Eigen::Map<const Eigen::VectorXf>(values.data(), n).cast<double>();
    }
    const Eigen::RowVectorXd mean = faces.colwise().mean();
    means.row(static_cast<Eigen::Index>(person)) = mean;
    const Eigen::MatrixXd rest = faces.rowwise() - mean;
    within.selfadjointView<Eigen::Lower>().rankUpdate(rest.transpose());
    differences += people[person].size() - 1;
  }
  // The solver reads the lower half alone.
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(within / std::max(1.0, static_cast<double>(differences)));
  Moments moments;
  moments.within_values = solver.eigenvalues().cwiseMax(0);
  moments.within_vectors = solver.eigenvectors();
  moments.mean = means.colwise().mean();
  const Eigen::MatrixXd rest = means.rowwise() - moments.mean.transpose();
  moments.between = rest.transpose() * rest / std::max(1.0, static_cast<double>(people.size()) - 1);
  return moments;
}

Eigen::MatrixXd MatrixOf(const Moments& moments, HeadMethod method, double shrinkage) {
  const Eigen::Index n = moments.within_vectors.rows();
  const double size = moments.within_values.mean();
  if (method == HeadMethod::kMean || shrinkage == 1 || !(size > 0)) return Eigen::MatrixXd::Identity(n, n);
  // Shrinking leaves the directions as they are.
  const Eigen::VectorXd scales = ((1 - shrinkage) * moments.within_values.array() + shrinkage * size).rsqrt().matrix();
  const Eigen::MatrixXd whitening = moments.within_vectors * scales.asDiagonal() * moments.within_vectors.transpose();
  if (method == HeadMethod::kWccn) return whitening;
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(whitening * moments.between * whitening);
  const Eigen::VectorXd between = solver.eigenvalues().cwiseMax(0);
  // Never to nothing, so that the layer can be undone.
  const Eigen::VectorXd share = (between.array() / (between.array() + kLdaWeight)).sqrt().max(0.05).matrix();
  return share.asDiagonal() * solver.eigenvectors().transpose() * whitening;
}

absl::StatusOr<LinearHead> HeadOf(const Moments& moments, HeadMethod method, const HeadChoice& choice) {
  const Eigen::MatrixXd matrix = MatrixOf(moments, method, choice.shrinkage);
  const Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> rows = matrix.cast<float>();
  const Eigen::VectorXf mean = (choice.mean_share * moments.mean).cast<float>();
  return LinearHead::Create({mean.data(), mean.data() + mean.size()},
                            absl::MakeSpan(rows.data(), static_cast<size_t>(rows.size())));
}

absl::Status Check(absl::Span<const std::vector<float>> embeddings, absl::Span<const int> people, HeadMethod method) {
  if (embeddings.size() != people.size()) return MakeError(Reason::INTERNAL, "there is not one person a face");
  if (embeddings.empty()) return InvalidField("photos", "there is no face to train on");
  for (const std::vector<float>& embedding : embeddings) {
    if (embedding.size() != embeddings.front().size()) return MakeError(Reason::INTERNAL, "embeddings differ in size");
  }
  const std::vector<std::vector<size_t>> photos = PhotosByPerson(people);
  const bool two = std::any_of(photos.begin(), photos.end(), [](const auto& of) { return of.size() >= 2; });
  if (!two && method != HeadMethod::kMean) {
    return InvalidField("photos", "nobody has two photos, so what one person's photos differ by cannot be learned");
  }
  return absl::OkStatus();
}

// People, not photos, are divided: those with several photos first, so that every part has some.
std::vector<std::vector<size_t>> Divide(const std::vector<std::vector<size_t>>& photos, uint64_t seed) {
  std::vector<size_t> order(photos.size());
  std::iota(order.begin(), order.end(), size_t{0});
  SeededRandom(seed, RandomPurpose::kCrossValidation).Shuffle(order);
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return std::min<size_t>(photos[a].size(), 2) > std::min<size_t>(photos[b].size(), 2);
  });
  std::vector<std::vector<size_t>> parts(std::min(kParts, photos.size()));
  for (size_t i = 0; i < order.size(); ++i) parts[i % parts.size()].push_back(order[i]);
  return parts;
}

// A part's people, and the moments of all others.
struct Fold {
  std::vector<size_t> photos;
  Moments others;
};

std::vector<Fold> MakeFolds(absl::Span<const std::vector<float>> embeddings, absl::Span<const int> people,
                            uint64_t seed) {
  const std::vector<std::vector<size_t>> photos = PhotosByPerson(people);
  std::vector<Fold> folds;
  for (const std::vector<size_t>& part : Divide(photos, seed)) {
    std::vector<bool> inside(photos.size());
    for (size_t person : part) inside[person] = true;
    std::vector<std::vector<size_t>> others;
    Fold fold;
    for (size_t person = 0; person < photos.size(); ++person) {
      if (inside[person]) {
        fold.photos.insert(fold.photos.end(), photos[person].begin(), photos[person].end());
      } else {
        others.push_back(photos[person]);
      }
    }
    if (others.empty()) continue;
    fold.others = Measure(embeddings, others);
    folds.push_back(std::move(fold));
  }
  return folds;
}

// Of all pairs inside the folds; 1 where there are not both kinds.
double ErrorOf(const PairDistances& distances) {
  if (distances.genuine.empty() || distances.impostor.empty()) return 1;
  double sum = 0;
  int counted = 0;
  for (double rate : kErrorRates) {
    const auto allowed = static_cast<size_t>(rate * static_cast<double>(distances.impostor.size()));
    if (allowed == 0) break;
    const double limit = distances.impostor[allowed - 1];
    const auto beyond = std::upper_bound(distances.genuine.begin(), distances.genuine.end(), limit);
    sum += static_cast<double>(distances.genuine.end() - beyond) / static_cast<double>(distances.genuine.size());
    ++counted;
  }
  return counted == 0 ? 1 : sum / counted;
}

absl::StatusOr<double> CrossValidatedError(absl::Span<const std::vector<float>> embeddings,
                                           absl::Span<const int> people, const std::vector<CrossValidated>& parts) {
  PeoplePairs all;
  for (const CrossValidated& part : parts) {
    std::vector<std::vector<float>> moved;
    std::vector<int> whose;
    for (size_t photo : part.photos) {
      moved.push_back(part.head.Apply(embeddings[photo]));
      whose.push_back(people[photo]);
    }
    const absl::StatusOr<PeoplePairs> pairs = PairsAmong(moved, whose, /*cohort=*/nullptr);
    if (!pairs.ok()) return pairs.status();
    Append(*pairs, all);
  }
  return ErrorOf(SortedDistances(all));
}

}  // namespace

struct HeadFitter::State {
  absl::Span<const std::vector<float>> embeddings;
  absl::Span<const int> people;
  HeadMethod method;
  size_t persons;
  Moments all;
  std::vector<Fold> folds;
};

HeadFitter::HeadFitter(std::unique_ptr<const State> state) : state_(std::move(state)) {}
HeadFitter::HeadFitter(HeadFitter&&) noexcept = default;
HeadFitter::~HeadFitter() = default;

std::vector<HeadChoice> HeadChoices(HeadMethod method) {
  std::vector<HeadChoice> choices;
  for (double shrinkage : kShrinkages) {
    if (method == HeadMethod::kMean && shrinkage != 1) break;
    for (double mean_share : kMeanShares) choices.push_back({.shrinkage = shrinkage, .mean_share = mean_share});
  }
  return choices;
}

absl::StatusOr<HeadFitter> HeadFitter::Create(absl::Span<const std::vector<float>> embeddings,
                                              absl::Span<const int> people, HeadMethod method, uint64_t seed) {
  if (absl::Status status = Check(embeddings, people, method); !status.ok()) return status;
  const std::vector<std::vector<size_t>> photos = PhotosByPerson(people);
  return HeadFitter(std::make_unique<const State>(State{
      embeddings, people, method, photos.size(), Measure(embeddings, photos), MakeFolds(embeddings, people, seed)}));
}

absl::StatusOr<LinearHead> HeadFitter::Fit(const HeadChoice& choice) const {
  return HeadOf(state_->all, state_->method, choice);
}

std::vector<std::vector<size_t>> HeadFitter::parts() const {
  std::vector<std::vector<size_t>> parts;
  for (const Fold& fold : state_->folds) parts.push_back(fold.photos);
  return parts;
}

absl::StatusOr<std::vector<CrossValidated>> HeadFitter::CrossValidate(const HeadChoice& choice) const {
  std::vector<CrossValidated> parts;
  for (const Fold& fold : state_->folds) {
    absl::StatusOr<LinearHead> head = HeadOf(fold.others, state_->method, choice);
    if (!head.ok()) return head.status();
    parts.push_back({*std::move(head), fold.photos});
  }
  return parts;
}

absl::StatusOr<HeadChoice> HeadFitter::Choose() const {
  if (state_->persons < kFewestPeople) return HeadChoice{.error = 1, .error_unchanged = 1};
  std::optional<HeadChoice> best;
  for (HeadChoice choice : HeadChoices(state_->method)) {
    const absl::StatusOr<std::vector<CrossValidated>> parts = CrossValidate(choice);
    if (absl::IsInvalidArgument(parts.status())) continue;  // no layer that could be undone
    if (!parts.ok()) return parts.status();
    const absl::StatusOr<double> error = CrossValidatedError(state_->embeddings, state_->people, *parts);
    if (!error.ok()) return error.status();
    choice.error = *error;
    choice.error_unchanged = best.has_value() ? best->error_unchanged : *error;
    if (!best.has_value() || choice.error < best->error) best = choice;
  }
  return *best;
}

}  // namespace likeness
