#include "server/training/layer_search.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "server/errors/errors.h"
#include "server/statistics/people_pairs.h"
#include "server/training/carried_measurements.h"
#include "server/training/embedding_pairs.h"
#include "server/training/service_outcome.h"

namespace likeness {
namespace {

using Rows = std::vector<std::vector<float>>;

// Pairs of those held out, and of those who were left out in cross-validation.
struct Pairs {
  PeoplePairs held_out;
  PeoplePairs cross_validated;

  PeoplePairs All() const {
    PeoplePairs all = held_out;
    Append(cross_validated, all);
    return all;
  }
};

// Whether so much of so few people made no layer that could be undone.
bool IsNoLayer(const absl::Status& status) {
  return absl::IsInvalidArgument(status) && ReasonOf(status) != Reason::FIELD_INVALID;
}

std::optional<Threshold> MeasuredOnly(const std::vector<OperatingPoint>& points, double target_fmr) {
  absl::StatusOr<Threshold> threshold = MeasuredThreshold(points, target_fmr);
  return threshold.ok() ? std::optional<Threshold>(*std::move(threshold)) : std::nullopt;
}

double RejectedShare(const std::optional<Threshold>& threshold, const std::vector<double>& genuine) {
  if (!threshold.has_value() || genuine.empty()) return 1;
  const auto beyond = std::upper_bound(genuine.begin(), genuine.end(), threshold->distance);
  return static_cast<double>(genuine.end() - beyond) / static_cast<double>(genuine.size());
}

absl::StatusOr<std::shared_ptr<const Cohort>> Carried(const std::shared_ptr<const Cohort>& cohort,
                                                      const LinearHead& layer) {
  if (cohort == nullptr) return nullptr;
  absl::StatusOr<Cohort> carried = CarryCohort(*cohort, layer);
  if (!carried.ok()) return carried.status();
  return std::make_shared<const Cohort>(*std::move(carried));
}

// What is the same for every choice.
class Searcher {
 public:
  static absl::StatusOr<Searcher> Create(const LayerSearch& search) {
    absl::StatusOr<HeadFitter> fitter =
        HeadFitter::Create(search.trained_on.base, search.trained_on.people, search.method, search.seed);
    if (!fitter.ok()) return fitter.status();
    Searcher searcher(search, *std::move(fitter));
    absl::StatusOr<MeasurementCarrier> carrier = MeasurementCarrier::Create(search.base);
    if (carrier.ok()) searcher.carrier_ = *std::move(carrier);
    if (absl::Status status = searcher.MeasureBefore(); !status.ok()) return status;
    return searcher;
  }

  const HeadFitter& fitter() const { return fitter_; }
  // Whether a threshold is there to be held against, and one that can be carried over.
  bool decides() const {
    return search_.threshold.has_value() && carrier_.has_value() &&
           MeasuredOnly(search_.base.operating_points, search_.target_fmr).has_value();
  }

  absl::StatusOr<FoundLayer> Try(const HeadChoice& choice) const {
    const absl::StatusOr<LinearHead> layer = fitter_.Fit(choice);
    if (!layer.ok()) return layer.status();
    const absl::StatusOr<Pairs> after = MeasureAfter(*layer, choice);
    if (!after.ok()) return after.status();
    const PeoplePairs all = after->All();
    const PairDistances all_after = SortedDistances(all);
    const PairDistances all_active = SortedDistances(active_.All());
    absl::StatusOr<BundleMeasurements> measurements =
        carrier_.has_value() ? carrier_->CarryOver(*layer, {SortedDistances(base_.All()), all_after}, search_.source)
                             : MeasureAlone(all, *layer);
    if (!measurements.ok()) return measurements.status();
    FoundLayer found{.choice = choice, .layer = *layer, .measurements = *std::move(measurements), .evidence = {}};
    const std::optional<Threshold> threshold = MeasuredOnly(found.measurements.operating_points, search_.target_fmr);
    PromotionEvidence& evidence = found.evidence;
    evidence.target_fmr = search_.target_fmr;
    evidence.incomparable = search_.incomparable;
    evidence.before = Outcome(search_.threshold, active_, /*foretold=*/false);
    evidence.after = Outcome(threshold, *after, /*foretold=*/carrier_.has_value());
    if (!threshold.has_value()) {
      evidence.unmeasured = WhatIsMissing(search_.target_fmr, static_cast<int64_t>(all_after.impostor.size()),
                                          static_cast<int64_t>(all.people));
    }
    found.rejected_before = RejectedShare(search_.threshold, all_active.genuine);
    found.rejected_after = RejectedShare(threshold, all_after.genuine);
    return found;
  }

 private:
  Searcher(const LayerSearch& search, HeadFitter fitter) : search_(search), fitter_(std::move(fitter)) {}

  absl::Status MeasureBefore() {
    const Cohort* base = search_.base.cohort.get();
    const Cohort* active = search_.active.cohort.get();
    if (absl::Status status = Add(search_.held_out.base, search_.held_out.people, base, base_.held_out); !status.ok()) {
      return status;
    }
    absl::Status status = Add(search_.held_out.active, search_.held_out.people, active, active_.held_out);
    if (!status.ok()) return status;
    for (const std::vector<size_t>& photos : fitter_.parts()) {
      Rows base_rows;
      Rows active_rows;
      std::vector<int> people;
      for (size_t photo : photos) {
        base_rows.push_back(search_.trained_on.base[photo]);
        active_rows.push_back(search_.trained_on.active[photo]);
        people.push_back(search_.trained_on.people[photo]);
      }
      if (status = Add(base_rows, people, base, base_.cross_validated); !status.ok()) return status;
      if (status = Add(active_rows, people, active, active_.cross_validated); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

  absl::StatusOr<Pairs> MeasureAfter(const LinearHead& layer, const HeadChoice& choice) const {
    const absl::StatusOr<std::vector<CrossValidated>> folds = fitter_.CrossValidate(choice);
    if (!folds.ok()) return folds.status();
    Pairs pairs;
    absl::Status status = AddMoved(search_.held_out.base, search_.held_out.people, layer, pairs.held_out);
    if (!status.ok()) return status;
    for (const CrossValidated& fold : *folds) {
      Rows rows;
      std::vector<int> people;
      for (size_t photo : fold.photos) {
        rows.push_back(search_.trained_on.base[photo]);
        people.push_back(search_.trained_on.people[photo]);
      }
      if (status = AddMoved(rows, people, fold.head, pairs.cross_validated); !status.ok()) return status;
    }
    return pairs;
  }

  absl::Status AddMoved(const Rows& rows, const std::vector<int>& people, const LinearHead& layer,
                        PeoplePairs& pairs) const {
    const auto cohort = Carried(search_.base.cohort, layer);
    if (!cohort.ok()) return cohort.status();
    return Add(layer.ApplyToAll(rows), people, cohort->get(), pairs);
  }

  static absl::Status Add(const Rows& rows, const std::vector<int>& people, const Cohort* cohort, PeoplePairs& pairs) {
    const absl::StatusOr<PeoplePairs> more = PairsAmong(rows, people, cohort);
    if (more.ok()) Append(*more, pairs);
    return more.status();
  }

  absl::StatusOr<BundleMeasurements> MeasureAlone(const PeoplePairs& pairs, const LinearHead& layer) const {
    absl::StatusOr<BundleMeasurements> measured = MeasureForBundle({{"", pairs}}, search_.source, search_.seed);
    if (!measured.ok()) return measured.status();
    absl::StatusOr<std::shared_ptr<const Cohort>> cohort = Carried(search_.base.cohort, layer);
    if (!cohort.ok()) return cohort.status();
    measured->cohort = *std::move(cohort);
    return measured;
  }

  static ServiceOutcome Outcome(const std::optional<Threshold>& threshold, const Pairs& pairs, bool foretold) {
    const PairDistances held_out = SortedDistances(pairs.held_out);
    const PairDistances cross_validated = SortedDistances(pairs.cross_validated);
    return OutcomeAt(threshold, {{kHeldOut, held_out}, {kCrossValidated, cross_validated}}, foretold);
  }

  const LayerSearch& search_;
  HeadFitter fitter_;
  std::optional<MeasurementCarrier> carrier_;  // none where the base brings nothing along to carry over
  Pairs base_;
  Pairs active_;
};

absl::StatusOr<std::optional<FoundLayer>> FindPromotable(const Searcher& searcher, HeadMethod method,
                                                         absl::FunctionRef<absl::Status()> go_on) {
  std::optional<FoundLayer> best;
  for (const HeadChoice& choice : HeadChoices(method)) {
    if (choice.changes_nothing()) continue;
    absl::StatusOr<FoundLayer> found = searcher.Try(choice);
    if (IsNoLayer(found.status())) continue;
    if (!found.ok()) return found.status();
    if (absl::Status status = go_on(); !status.ok()) return status;
    if (!DecidePromotion(PromotionRule::kIfNotWorse, found->evidence).promote) continue;
    if (!best.has_value() || found->rejected_after < best->rejected_after) best = *std::move(found);
  }
  return best;
}

}  // namespace

absl::StatusOr<std::optional<FoundLayer>> FindLayer(const LayerSearch& search,
                                                    absl::FunctionRef<absl::Status()> go_on) {
  const absl::StatusOr<Searcher> searcher = Searcher::Create(search);
  if (!searcher.ok()) return searcher.status();
  if (searcher->decides()) {
    absl::StatusOr<std::optional<FoundLayer>> promotable = FindPromotable(*searcher, search.method, go_on);
    if (!promotable.ok() || promotable->has_value()) return promotable;
  }
  const absl::StatusOr<HeadChoice> choice = searcher->fitter().Choose();
  if (!choice.ok()) return choice.status();
  if (choice->changes_nothing()) return std::nullopt;
  absl::StatusOr<FoundLayer> found = searcher->Try(*choice);
  if (!found.ok()) return found.status();
  return *std::move(found);
}

}  // namespace likeness
