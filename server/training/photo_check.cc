#include "server/training/photo_check.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <utility>

#include "server/training/average_linkage.h"
#include "server/verification/decision.h"
#include "server/verification/distance.h"

namespace likeness {
namespace {

constexpr double kTargetFmr = 1e-3;
constexpr double kDuplicateShare = 0.2;         // of the threshold
constexpr double kFarApart = -1.75;             // standard deviations
constexpr double kSmallestDeviation = 0.03;     // of a few people's distances: chance makes it smaller
constexpr double kSmallestGap = 0.1;            // between the distance of two parts and the distances in them
constexpr size_t kFewestOthers = 3;             // people to compare with
constexpr size_t kFewestToDivide = 4;           // photos: two and two
constexpr double kLargestShareOfDivided = 0.1;  // of people
constexpr double kKnownFaces = 0.8;             // of pairs under one name that match
constexpr size_t kMostToDivide = 500;           // photos
constexpr int kMostRounds = 20;                 // of dividing one person's photos
constexpr double kChancePairs = 0.5;            // of people that match by chance

using Photos = std::vector<size_t>;

// Sums over a set of photos, from which its mean distance to another set follows without looking at the pairs again.
struct Summary {
  std::vector<double> sum;
  double squares = 0;     // of the embeddings' lengths
  double tightening = 0;  // of the photos' halves
  double count = 0;
};

class Check {
 public:
  Check(absl::Span<const std::vector<float>> embeddings, absl::Span<const int> people, const BundleManifest& base)
      : embeddings_(embeddings), left_out_(embeddings.size()) {
    std::map<int, size_t> numbers;
    for (size_t photo = 0; photo < people.size(); ++photo) {
      const size_t person = numbers.emplace(people[photo], numbers.size()).first->second;
      if (person == photos_.size()) photos_.emplace_back();
      photos_[person].push_back(photo);
      person_of_.push_back(person);
      tightening_.push_back(
          base.cohort == nullptr ? 0 : (base.cohort->cap() - base.cohort->Crowding(embeddings[photo])) / 2);
    }
  }

  std::vector<PhotoFinding> Run(double match, double chance) {
    match_ = match;
    chance_ = chance;
    FindDuplicates();
    for (const Photos& photos : photos_) summaries_.push_back(Summarize(photos));
    for (size_t person = 0; person < photos_.size(); ++person) DivideAll(person);
    JudgeDivisions();
    for (const auto& [photo, others] : singles_) JudgeSingle(photo, others);
    FindSamePeople();
    return std::move(findings_);
  }

  size_t people() const { return photos_.size(); }

 private:
  double Distance(size_t a, size_t b) const { return EuclideanDistance(embeddings_[a], embeddings_[b]); }
  double Normalized(size_t a, size_t b) const { return Distance(a, b) + tightening_[a] + tightening_[b]; }

  Summary Summarize(const Photos& photos) const {
    Summary summary;
    summary.sum.resize(embeddings_.empty() ? 0 : embeddings_[0].size());
    for (size_t photo : photos) {
      for (size_t i = 0; i < summary.sum.size(); ++i) {
        const double value = embeddings_[photo][i];
        summary.sum[i] += value;
        summary.squares += value * value;
      }
      summary.tightening += tightening_[photo];
      ++summary.count;
    }
    return summary;
  }

  // The root of the mean squared distance.
  static double MeanDistance(const Summary& a, const Summary& b) {
    double product = 0;
    for (size_t i = 0; i < a.sum.size(); ++i) product += a.sum[i] * b.sum[i];
    return std::sqrt(std::max(0.0, a.squares / a.count + b.squares / b.count - 2 * product / (a.count * b.count)));
  }

  static double MeanNormalized(const Summary& a, const Summary& b) {
    return MeanDistance(a, b) + a.tightening / a.count + b.tightening / b.count;
  }

  double MeanWithin(const Photos& photos) const {
    if (photos.size() < 2) return 0;
    double sum = 0;
    for (size_t i = 0; i < photos.size(); ++i) {
      for (size_t j = 0; j < i; ++j) sum += Distance(photos[i], photos[j]);
    }
    return sum / (static_cast<double>(photos.size()) * static_cast<double>(photos.size() - 1) / 2);
  }

  void LeaveOut(PhotoFault fault, const Photos& photos, const Photos& compared_with, double distance) {
    for (size_t photo : photos) left_out_[photo] = true;
    findings_.push_back({fault, photos, compared_with, distance, /*left_out=*/true});
  }

  Photos Kept(const Photos& photos) const {
    Photos kept;
    std::copy_if(photos.begin(), photos.end(), std::back_inserter(kept),
                 [this](size_t photo) { return !left_out_[photo]; });
    return kept;
  }

  void FindDuplicates() {
    std::vector<std::pair<size_t, size_t>> across;
    for (size_t b = 0; b < embeddings_.size(); ++b) {
      for (size_t a = 0; a < b && !left_out_[b]; ++a) {
        if (left_out_[a] || Distance(a, b) > kDuplicateShare * match_) continue;
        if (person_of_[a] == person_of_[b]) {
          LeaveOut(PhotoFault::kDuplicate, {b}, {a}, Normalized(a, b));
        } else {
          across.emplace_back(a, b);
        }
      }
    }
    for (const auto& [a, b] : across) {
      if (left_out_[a] || left_out_[b]) continue;
      const bool a_is_right = MatchesItsName(a);
      const bool b_is_right = MatchesItsName(b);
      const double distance = Normalized(a, b);
      if (!a_is_right || b_is_right) LeaveOut(PhotoFault::kDuplicateOfAnotherPerson, {a}, {b}, distance);
      if (!b_is_right || a_is_right) LeaveOut(PhotoFault::kDuplicateOfAnotherPerson, {b}, {a}, distance);
    }
    for (Photos& photos : photos_) photos = Kept(photos);
    photos_.erase(std::remove_if(photos_.begin(), photos_.end(), [](const Photos& photos) { return photos.empty(); }),
                  photos_.end());
  }

  // Whether it matches the others under its name on average.
  bool MatchesItsName(size_t photo) const {
    double sum = 0;
    int others = 0;
    for (size_t other : photos_[person_of_[photo]]) {
      if (other == photo || left_out_[other]) continue;
      sum += Normalized(photo, other);
      ++others;
    }
    return others > 0 && sum / others <= match_;
  }

  // How much nearer `part` is to `other` than to people other than `person`, in standard deviations; nothing where
  // there are too few of them.
  std::optional<double> Deviation(size_t person, const Summary& part, double distance) const {
    double sum = 0;
    double squares = 0;
    double count = 0;
    for (size_t other = 0; other < summaries_.size(); ++other) {
      if (other == person) continue;
      const double to_other = MeanDistance(part, summaries_[other]);
      sum += to_other;
      squares += to_other * to_other;
      ++count;
    }
    if (count < kFewestOthers) return std::nullopt;
    const double mean = sum / count;
    const double deviation = std::sqrt(std::max(0.0, (squares - count * mean * mean) / (count - 1)));
    return (distance - mean) / std::max(deviation, kSmallestDeviation);
  }

  bool AnyMatch(const Photos& a, const Photos& b) const {
    return std::any_of(a.begin(), a.end(), [&](size_t photo) {
      return std::any_of(b.begin(), b.end(), [&](size_t other) { return Normalized(photo, other) <= match_; });
    });
  }

  // Two parts of one name's photos that look like two people.
  struct Division {
    Photos fewer;
    Photos more;
    double distance = 0;  // normalized
    bool certain = false;
  };

  std::optional<Division> Divide(size_t person, const Photos& photos) const {
    auto [more, fewer] = DivideInTwo(photos, [this](size_t a, size_t b) { return Distance(a, b); });
    if (AnyMatch(fewer, more)) return std::nullopt;
    const Summary summary_of_more = Summarize(more);
    const Summary summary_of_fewer = Summarize(fewer);
    const double distance = MeanDistance(summary_of_more, summary_of_fewer);
    Division division{fewer, more, MeanNormalized(summary_of_more, summary_of_fewer), false};
    if (distance - std::max(MeanWithin(more), MeanWithin(fewer)) < kSmallestGap) return std::nullopt;
    const std::optional<double> from_more = Deviation(person, summary_of_more, distance);
    const std::optional<double> from_fewer = Deviation(person, summary_of_fewer, distance);
    if (!from_more.has_value() || !from_fewer.has_value()) return division;
    if ((*from_more + *from_fewer) / 2 <= kFarApart) return std::nullopt;
    division.certain = true;
    return division;
  }

  void DivideAll(size_t person) {
    Photos photos = photos_[person];
    if (photos.size() > kMostToDivide) photos.resize(kMostToDivide);
    for (int round = 0; round < kMostRounds && photos.size() >= 2; ++round) {
      std::optional<Division> division = Divide(person, photos);
      if (!division.has_value()) return;
      photos = division->more;
      if (division->fewer.size() == 1) {
        singles_.emplace_back(division->fewer[0], division->more);
      } else {
        divisions_.push_back(*std::move(division));
      }
    }
  }

  void JudgeDivisions() {
    const auto divisible = std::count_if(photos_.begin(), photos_.end(),
                                         [](const Photos& photos) { return photos.size() >= kFewestToDivide; });
    std::vector<size_t> divided;
    for (const Division& division : divisions_) divided.push_back(person_of_[division.fewer[0]]);
    divided.erase(std::unique(divided.begin(), divided.end()), divided.end());
    const bool few = divided.size() <= 1 ||
                     static_cast<double>(divided.size()) <= kLargestShareOfDivided * static_cast<double>(divisible) ||
                     MatchShare(divided) >= kKnownFaces;
    for (const Division& division : divisions_) {
      if (few && division.certain) {
        LeaveOut(PhotoFault::kTwoPeople, division.fewer, division.more, division.distance);
      } else {
        findings_.push_back({PhotoFault::kTwoPeople, division.fewer, division.more, division.distance, false});
      }
    }
  }

  // Of the pairs of photos under one name, without the names in `but`, that which matches.
  double MatchShare(const std::vector<size_t>& but) const {
    double pairs = 0;
    double matches = 0;
    for (const Photos& photos : photos_) {
      if (std::find(but.begin(), but.end(), person_of_[photos[0]]) != but.end()) continue;
      const size_t count = std::min(photos.size(), kMostToDivide);
      for (size_t i = 0; i < count; ++i) {
        for (size_t j = 0; j < i; ++j) matches += Normalized(photos[i], photos[j]) <= match_ ? 1 : 0;
        pairs += static_cast<double>(i);
      }
    }
    return pairs == 0 ? 0 : matches / pairs;
  }

  // Of two photos under one name either may be the wrong one.
  void JudgeSingle(size_t photo, const Photos& others) {
    if (LeaveOutWhereItMatches(photo)) return;
    if (others.size() == 1 && LeaveOutWhereItMatches(others[0])) return;
    findings_.push_back(
        {PhotoFault::kUnlikeTheOthers, {photo}, others, MeanNormalized(Summarize({photo}), Summarize(others)), false});
  }

  bool LeaveOutWhereItMatches(size_t photo) {
    const Summary summary = Summarize({photo});
    for (const Photos& photos : photos_) {
      const Photos kept = Kept(photos);
      if (kept.empty() || person_of_[kept[0]] == person_of_[photo]) continue;
      const double distance = MeanNormalized(summary, Summarize(kept));
      if (distance > chance_) continue;
      LeaveOut(PhotoFault::kSamePerson, {photo}, kept, distance);
      return true;
    }
    return false;
  }

  void FindSamePeople() {
    std::vector<Photos> kept;
    for (const Photos& photos : photos_) kept.push_back(Kept(photos));
    // Those with the most photos first, so that the fewer are left out.
    std::stable_sort(kept.begin(), kept.end(), [](const Photos& a, const Photos& b) { return a.size() > b.size(); });
    std::vector<Summary> summaries;
    for (const Photos& photos : kept) summaries.push_back(Summarize(photos));
    for (size_t b = 0; b < kept.size(); ++b) {
      for (size_t a = 0; a < b && !kept[b].empty(); ++a) {
        if (kept[a].empty()) continue;
        const double distance = MeanNormalized(summaries[a], summaries[b]);
        if (distance > chance_) continue;
        LeaveOut(PhotoFault::kSamePerson, kept[b], kept[a], distance);
        kept[b].clear();
      }
    }
  }

  const absl::Span<const std::vector<float>> embeddings_;
  std::vector<bool> left_out_;
  std::vector<size_t> person_of_;   // of each photo
  std::vector<double> tightening_;  // of each photo: its half of a pair's
  std::vector<Photos> photos_;      // of each person
  std::vector<Summary> summaries_;  // of photos_
  double match_ = 0;
  double chance_ = 0;  // at which hardly two people match by chance
  std::vector<Division> divisions_;
  std::vector<std::pair<size_t, Photos>> singles_;
  std::vector<PhotoFinding> findings_;
};

// The threshold at this false match rate, or at the lowest that is supported; nothing where none is.
std::optional<double> ThresholdAt(absl::Span<const OperatingPoint> points, double target_fmr) {
  if (absl::StatusOr<Threshold> at = MeasuredThreshold(points, target_fmr); at.ok()) return at->distance;
  for (const OperatingPoint& point : points) {  // ascending
    if (absl::StatusOr<Threshold> at = MeasuredThreshold(points, point.fmr); at.ok()) return at->distance;
  }
  return std::nullopt;
}

}  // namespace

std::vector<PhotoFinding> FindBadPhotos(absl::Span<const std::vector<float>> embeddings, absl::Span<const int> people,
                                        const BundleManifest& base) {
  const std::optional<double> match = ThresholdAt(base.operating_points, kTargetFmr);
  if (!match.has_value() || embeddings.size() != people.size()) return {};
  Check check(embeddings, people, base);
  const double pairs = static_cast<double>(check.people()) * static_cast<double>(check.people()) / 2;
  const std::optional<double> chance =
      ThresholdAt(base.operating_points, std::min(kTargetFmr, kChancePairs / std::max(1.0, pairs)));
  return check.Run(*match, *chance);
}

}  // namespace likeness
