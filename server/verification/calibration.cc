#include "server/verification/calibration.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "server/verification/pooled_cost.h"

namespace likeness {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Finite distances, each list ascending.
absl::StatusOr<PairDistances> MeasuredDistances(const PairDistances& distances) {
  PairDistances measured = distances;
  for (std::vector<double>* kind : {&measured.genuine, &measured.impostor}) {
    for (double distance : *kind) {
      if (std::isnan(distance) || distance == -kInfinity) {
        return absl::InvalidArgumentError("the distance of a pair is not a number");
      }
    }
    if (!std::is_sorted(kind->begin(), kind->end())) std::sort(kind->begin(), kind->end());
    while (!kind->empty() && kind->back() == kInfinity) kind->pop_back();
    if (kind->empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("there are no measured ", kind == &measured.genuine ? "genuine" : "impostor", " pairs"));
    }
  }
  return measured;
}

double Logistic(double x) { return 1 / (1 + std::exp(-x)); }

// log(1 + e^x) without overflow.
double Softplus(double x) { return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); }

// The mean of the two kinds' mean logistic losses at a line, with its first and second derivatives.
struct Loss {
  double value = 0;
  double by_offset = 0;
  double by_slope = 0;
  double by_offset_offset = 0;
  double by_offset_slope = 0;
  double by_slope_slope = 0;
};

Loss LossOf(const PairDistances& distances, double centre, double offset, double slope) {
  Loss loss;
  const auto add = [&](const std::vector<double>& kind, double sign) {
    const double weight = 0.5 / static_cast<double>(kind.size());
    for (double distance : kind) {
      const double x = distance - centre;
      const double llr = offset + slope * x;
      const double wrong = Logistic(-sign * llr);
      const double curve = weight * wrong * (1 - wrong);
      loss.value += weight * Softplus(-sign * llr);
      loss.by_offset -= weight * sign * wrong;
      loss.by_slope -= weight * sign * wrong * x;
      loss.by_offset_offset += curve;
      loss.by_offset_slope += curve * x;
      loss.by_slope_slope += curve * x * x;
    }
  };
  add(distances.genuine, 1);
  add(distances.impostor, -1);
  return loss;
}

struct Line {
  double offset = 0;
  double slope = 0;
};

// Newton's method with a step that is halved until the loss falls. The loss is convex and, as the kinds overlap, has
// its least value at a finite line.
absl::StatusOr<Line> MinimiseLoss(const PairDistances& distances, double centre) {
  constexpr int kMostSteps = 200;
  constexpr double kSmallGradient = 1e-10;
  Line line;
  Loss loss = LossOf(distances, centre, line.offset, line.slope);
  for (int step = 0; step < kMostSteps; ++step) {
    if (std::hypot(loss.by_offset, loss.by_slope) < kSmallGradient) return line;
    const double determinant =
        loss.by_offset_offset * loss.by_slope_slope - loss.by_offset_slope * loss.by_offset_slope;
    if (!(determinant > 0)) break;
    const double to_offset =
        (loss.by_slope_slope * loss.by_offset - loss.by_offset_slope * loss.by_slope) / determinant;
    const double to_slope =
        (loss.by_offset_offset * loss.by_slope - loss.by_offset_slope * loss.by_offset) / determinant;
    double length = 1;
    Loss next;
    do {
      next = LossOf(distances, centre, line.offset - length * to_offset, line.slope - length * to_slope);
      length /= 2;
    } while (!(next.value <= loss.value) && length > 1e-12);
    if (!(next.value < loss.value)) return line;  // as near as doubles come
    line.offset -= 2 * length * to_offset;
    line.slope -= 2 * length * to_slope;
    loss = next;
  }
  return absl::FailedPreconditionError("the logistic regression of these distances does not converge");
}

}  // namespace

absl::StatusOr<Calibration> FitCalibration(const PairDistances& distances) {
  const absl::StatusOr<PairDistances> measured = MeasuredDistances(distances);
  if (!measured.ok()) return measured.status();
  if (measured->genuine.back() < measured->impostor.front()) {
    return absl::FailedPreconditionError(
        "every genuine pair is nearer than every impostor pair: there is nothing to calibrate a probability on");
  }
  // Distances from their middle keep the two derivatives apart.
  const double centre =
      (measured->genuine[measured->genuine.size() / 2] + measured->impostor[measured->impostor.size() / 2]) / 2;
  const absl::StatusOr<Line> line = MinimiseLoss(*measured, centre);
  if (!line.ok()) return line.status();
  if (!(line->slope < 0)) {
    return absl::FailedPreconditionError("genuine pairs are not nearer than impostor pairs");
  }
  return Calibration{.offset = line->offset - line->slope * centre,
                     .slope = line->slope,
                     .genuine_pairs = static_cast<int64_t>(measured->genuine.size()),
                     .impostor_pairs = static_cast<int64_t>(measured->impostor.size()),
                     .people = 0,
                     .source = ""};
}

double LogLikelihoodRatio(const Calibration& calibration, double distance) {
  return std::clamp(calibration.offset + calibration.slope * distance,
                    -std::log1p(static_cast<double>(calibration.genuine_pairs)),
                    std::log1p(static_cast<double>(calibration.impostor_pairs)));
}

double ProbabilityOfSamePerson(double log_likelihood_ratio, double prior) {
  return Logistic(log_likelihood_ratio + std::log(prior) - std::log1p(-prior));
}

double CostOfLogLikelihoodRatio(double log_likelihood_ratio, bool genuine) {
  return Softplus(genuine ? -log_likelihood_ratio : log_likelihood_ratio) / std::log(2.0);
}

absl::StatusOr<double> Cllr(const Calibration& calibration, const PairDistances& distances) {
  const absl::StatusOr<PairDistances> measured = MeasuredDistances(distances);
  if (!measured.ok()) return measured.status();
  const auto mean_cost = [&](const std::vector<double>& kind, bool genuine) {
    double cost = 0;
    for (double distance : kind) cost += CostOfLogLikelihoodRatio(LogLikelihoodRatio(calibration, distance), genuine);
    return cost / static_cast<double>(kind.size());
  };
  return (mean_cost(measured->genuine, true) + mean_cost(measured->impostor, false)) / 2;
}

absl::StatusOr<double> MinCllr(const PairDistances& distances) {
  const absl::StatusOr<PairDistances> measured = MeasuredDistances(distances);
  if (!measured.ok()) return measured.status();
  PooledCost cost;
  auto genuine = measured->genuine.begin();
  auto impostor = measured->impostor.begin();
  while (genuine != measured->genuine.end() || impostor != measured->impostor.end()) {
    const double distance = std::min(genuine == measured->genuine.end() ? kInfinity : *genuine,
                                     impostor == measured->impostor.end() ? kInfinity : *impostor);
    const auto farther = [distance](double other) { return other > distance; };
    const auto next_genuine = std::find_if(genuine, measured->genuine.end(), farther);
    const auto next_impostor = std::find_if(impostor, measured->impostor.end(), farther);
    cost.Add(static_cast<double>(next_genuine - genuine), static_cast<double>(next_impostor - impostor));
    genuine = next_genuine;
    impostor = next_impostor;
  }
  return cost.Finish();
}

}  // namespace likeness
