#include "server/statistics/synthetic_draw.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/statistics/seeded_random.h"

namespace likeness {
namespace {

constexpr size_t kFewestPeople = 10;
// A covariance of so many people counts as much as that of all groups.
constexpr double kPeopleForHalf = 40;
constexpr double kMostShrinkage = 0.9;

struct Moments {
  Eigen::VectorXd mean;     // of the people's means
  Eigen::MatrixXd between;  // covariance of people
  Eigen::MatrixXd within;   // covariance of a person's photos around the person
  double people = 0;
};

using Photos = std::vector<const std::vector<float>*>;

Eigen::MatrixXd RowsOf(const Photos& photos) {
  const auto n = static_cast<Eigen::Index>(photos.front()->size());
  Eigen::MatrixXd rows(static_cast<Eigen::Index>(photos.size()), n);
  for (size_t i = 0; i < photos.size(); ++i) {
    rows.row(static_cast<Eigen::Index>(i)) = Eigen::Map<const Eigen::VectorXf>(photos[i]->data(), n).cast<double>();
  }
  return rows;
}

absl::StatusOr<Moments> Measure(const std::string& name, const std::map<uint32_t, Photos>& people) {
  if (people.size() < kFewestPeople) {
    return absl::FailedPreconditionError(absl::StrCat("group '", name, "' has ", people.size(), " people; ",
                                                      kFewestPeople, " are needed to tell what they have in common"));
  }
  const auto n = static_cast<Eigen::Index>(people.begin()->second.front()->size());
  Moments moments;
  moments.people = static_cast<double>(people.size());
  moments.within = Eigen::MatrixXd::Zero(n, n);
  Eigen::MatrixXd means(static_cast<Eigen::Index>(people.size()), n);
  double differences = 0;
  double noise = 0;  // how much of a photo's own is left in a person's mean, on average
  Eigen::Index person = 0;
  for (const auto& [number, photos] : people) {
    const Eigen::MatrixXd rows = RowsOf(photos);
    means.row(person) = rows.colwise().mean();
    const Eigen::MatrixXd rest = rows.rowwise() - means.row(person);
    moments.within += rest.transpose() * rest;
    differences += static_cast<double>(photos.size()) - 1;
    noise += 1 / static_cast<double>(photos.size());
    ++person;
  }
  if (differences == 0) {
    return absl::FailedPreconditionError(absl::StrCat("nobody in group '", name, "' has two photos"));
  }
  moments.within /= differences;
  moments.mean = means.colwise().mean();
  const Eigen::MatrixXd rest = means.rowwise() - moments.mean.transpose();
  moments.between = rest.transpose() * rest / (moments.people - 1) - noise / moments.people * moments.within;
  return moments;
}

// R with R Rᵀ = the matrix, without what is negative in it.
Eigen::MatrixXd RootOf(const Eigen::MatrixXd& covariance) {
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(covariance);
  return solver.eigenvectors() * solver.eigenvalues().cwiseMax(0).cwiseSqrt().asDiagonal();
}

// Standard normal numbers that are the same with every standard library (Box and Muller 1958).
class Normal {
 public:
  Normal(uint64_t seed, uint64_t group) : random_(seed, RandomPurpose::kSyntheticPeople, group) {}

  Eigen::VectorXd Draw(Eigen::Index n) {
    Eigen::VectorXd numbers(n);
    for (Eigen::Index i = 0; i < n; ++i) numbers[i] = std::sqrt(-2 * std::log(Share())) * std::cos(2 * M_PI * Share());
    return numbers;
  }

 private:
  // In (0, 1].
  double Share() { return (static_cast<double>(random_.Below(kSteps)) + 1) / static_cast<double>(kSteps); }

  static constexpr size_t kSteps = size_t{1} << 53;
  SeededRandom random_;
};

SyntheticGroup Draw(const std::string& name, const Moments& moments, const Moments& all, size_t number,
                    const SyntheticOptions& options) {
  const double shrinkage = std::min(kMostShrinkage, kPeopleForHalf / moments.people);
  const double size = moments.between.trace() / all.between.trace();
  const Eigen::MatrixXd between = RootOf((1 - shrinkage) * moments.between + shrinkage * size * all.between);
  const Eigen::MatrixXd within = RootOf(moments.within);
  Normal normal(options.seed, number);
  SyntheticGroup group{name, options.faces_of_person, {}};
  for (size_t person = 0; person < options.people; ++person) {
    const Eigen::VectorXd centre = moments.mean + between * normal.Draw(moments.mean.size());
    for (size_t face = 0; face < options.faces_of_person; ++face) {
      const Eigen::VectorXf values = (centre + within * normal.Draw(moments.mean.size())).normalized().cast<float>();
      group.faces.emplace_back(values.data(), values.data() + values.size());
    }
  }
  return group;
}

}  // namespace

absl::StatusOr<std::vector<SyntheticGroup>> DrawSyntheticPeople(absl::Span<const CohortFace> faces,
                                                                absl::Span<const std::string> groups,
                                                                const SyntheticOptions& options) {
  std::vector<std::map<uint32_t, Photos>> people(groups.size());
  for (const CohortFace& face : faces) {
    if (face.degraded) continue;
    if (face.embedding.size() != faces.front().embedding.size()) {
      return absl::InvalidArgumentError("embeddings are of different sizes");
    }
    people[face.group][face.person].push_back(&face.embedding);
  }
  std::vector<Moments> measured;
  Moments all;
  for (size_t group = 0; group < groups.size(); ++group) {
    absl::StatusOr<Moments> moments = Measure(groups[group], people[group]);
    if (!moments.ok()) return moments.status();
    if (all.between.size() == 0) all.between = Eigen::MatrixXd::Zero(moments->between.rows(), moments->between.cols());
    all.between += moments->between / static_cast<double>(groups.size());
    measured.push_back(*std::move(moments));
  }
  std::vector<SyntheticGroup> drawn;
  for (size_t group = 0; group < groups.size(); ++group) {
    drawn.push_back(Draw(groups[group], measured[group], all, group, options));
  }
  return drawn;
}

}  // namespace likeness
