#include "server/statistics/cohort_builder.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <numeric>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "server/statistics/seeded_random.h"

namespace likeness {
namespace {

using Vector = std::vector<float>;

// Rounds of k-means before clusters are dissolved; one more follows each time that some were.
constexpr int kRounds = 15;
// Of the clusters that are too small, this share goes at a time, the smallest first: their faces may make others whole.
constexpr size_t kDissolvedShare = 4;

float Dot(const Vector& a, const Vector& b) { return std::inner_product(a.begin(), a.end(), b.begin(), 0.0F); }

void Add(const Vector& vector, float weight, Vector& sum) {
  for (size_t i = 0; i < sum.size(); ++i) sum[i] += weight * vector[i];
}

// False where it has no direction.
bool ScaleToUnitLength(Vector& vector) {
  const float length = std::sqrt(Dot(vector, vector));
  if (!(length > 1e-6F)) return false;
  for (float& value : vector) value /= length;
  return true;
}

// Faces by the centroid that is nearest.
class Clusters {
 public:
  Clusters(absl::Span<const CohortFace> faces, std::vector<size_t> drawn, size_t centroids)
      : faces_(faces), drawn_(std::move(drawn)), of_(drawn_.size()) {
    for (size_t i = 0; i < std::min(centroids, drawn_.size()); ++i) {
      centroids_.push_back(faces_[drawn_[i]].embedding);  // they were drawn at random
    }
    Assign();
  }

  size_t size() const { return centroids_.size(); }

  void Round() {
    std::vector<Vector> sums = Sums(SharesOfPeople());
    for (size_t i = 0; i < size(); ++i) {
      if (ScaleToUnitLength(sums[i])) centroids_[i] = std::move(sums[i]);
    }
    Assign();
  }

  // Whether one of fewer people was left to dissolve.
  bool DissolveSmall(size_t fewest_people) {
    std::vector<std::set<uint32_t>> people(size());
    for (size_t i = 0; i < drawn_.size(); ++i) people[of_[i]].insert(faces_[drawn_[i]].person);
    std::vector<size_t> small;
    for (size_t i = 0; i < size(); ++i) {
      if (people[i].size() < fewest_people) small.push_back(i);
    }
    if (small.empty()) return false;
    std::stable_sort(small.begin(), small.end(),
                     [&](size_t a, size_t b) { return people[a].size() < people[b].size(); });
    const std::set<size_t, std::greater<>> smallest(
        small.begin(),
        small.begin() + static_cast<std::ptrdiff_t>((small.size() + kDissolvedShare - 1) / kDissolvedShare));
    for (size_t i : smallest) centroids_.erase(centroids_.begin() + static_cast<std::ptrdiff_t>(i));
    if (!centroids_.empty()) Assign();
    return !centroids_.empty();
  }

  // What each person adds to each cluster that the person's faces are in: their mean, however many they are. So nobody
  // outweighs the others.
  using Shares = std::map<uint32_t, std::map<size_t, Vector>>;
  Shares SharesOfPeople() const {
    Shares shares;
    std::map<std::pair<uint32_t, size_t>, float> faces;
    for (size_t i = 0; i < drawn_.size(); ++i) {
      const CohortFace& face = faces_[drawn_[i]];
      Add(face.embedding, 1, shares[face.person].try_emplace(of_[i], face.embedding.size()).first->second);
      ++faces[{face.person, of_[i]}];
    }
    for (auto& [person, of_person] : shares) {
      for (auto& [cluster, share] : of_person) {
        for (float& value : share) value /= faces[{person, cluster}];
      }
    }
    return shares;
  }

  // Of each cluster, its people's shares added up.
  std::vector<Vector> Sums(const Shares& shares) const {
    std::vector<Vector> sums(size(), Vector(faces_[0].embedding.size()));
    for (const auto& [person, of_person] : shares) {
      for (const auto& [cluster, share] : of_person) Add(share, 1, sums[cluster]);
    }
    return sums;
  }

 private:
  void Assign() {
    for (size_t i = 0; i < drawn_.size(); ++i) {
      const Vector& face = faces_[drawn_[i]].embedding;
      float nearest = -2;
      for (size_t c = 0; c < size(); ++c) {
        const float cosine = Dot(face, centroids_[c]);
        if (cosine > nearest) {
          nearest = cosine;
          of_[i] = c;
        }
      }
    }
  }

  absl::Span<const CohortFace> faces_;
  std::vector<size_t> drawn_;  // numbers of the faces that are clustered
  std::vector<size_t> of_;     // the cluster of each of these
  std::vector<Vector> centroids_;
};

// In a random order: of each group no more than so many faces, and all copies.
std::vector<size_t> Draw(absl::Span<const CohortFace> faces, size_t groups, const CohortOptions& options) {
  std::vector<size_t> order(faces.size());
  std::iota(order.begin(), order.end(), size_t{0});
  SeededRandom(options.seed, RandomPurpose::kCohort).Shuffle(order);
  std::vector<size_t> of_group(groups);
  std::vector<size_t> drawn;
  for (size_t i : order) {
    if (faces[i].degraded || of_group[faces[i].group]++ < options.faces_of_group) drawn.push_back(i);
  }
  return drawn;
}

std::vector<CohortSource> SourcesOf(absl::Span<const CohortFace> faces, const std::vector<size_t>& drawn,
                                    absl::Span<const std::string> groups) {
  std::vector<CohortSource> sources;
  for (const std::string& name : groups) sources.push_back({name, 0, 0});
  std::vector<std::set<uint32_t>> people(groups.size());
  for (size_t i : drawn) {
    ++sources[faces[i].group].faces;
    people[faces[i].group].insert(faces[i].person);
  }
  for (size_t i = 0; i < groups.size(); ++i) sources[i].people = static_cast<int64_t>(people[i].size());
  std::erase_if(sources, [](const CohortSource& source) { return source.faces == 0; });
  return sources;
}

std::vector<float> Flat(const std::vector<Vector>& rows) {
  std::vector<float> values;
  for (const Vector& row : rows) values.insert(values.end(), row.begin(), row.end());
  return values;
}

absl::StatusOr<Cohort> CohortOf(const std::vector<Vector>& sums, CohortDescription description) {
  const size_t size = sums[0].size();
  return Cohort::Create(Flat(sums), size, std::move(description));
}

// Of each face that is not degraded, without its own person. No crowding reaches the cap of `description`.
absl::StatusOr<std::vector<double>> MeasureAsStrangers(absl::Span<const CohortFace> faces, const Clusters& clusters,
                                                       const CohortDescription& description) {
  const Clusters::Shares shares = clusters.SharesOfPeople();
  const std::vector<Vector> sums = clusters.Sums(shares);
  std::map<uint32_t, std::vector<size_t>> faces_of;
  for (size_t i = 0; i < faces.size(); ++i) {
    if (!faces[i].degraded) faces_of[faces[i].person].push_back(i);
  }
  std::vector<double> crowding(faces.size());
  for (const auto& [person, of_person] : faces_of) {
    std::vector<Vector> without = sums;
    if (const auto found = shares.find(person); found != shares.end()) {
      for (const auto& [cluster, share] : found->second) Add(share, -1, without[cluster]);
    }
    const absl::StatusOr<Cohort> others = CohortOf(without, description);
    if (!others.ok()) return others.status();
    for (size_t i : of_person) crowding[i] = others->Crowding(faces[i].embedding);
  }
  return crowding;
}

// The median of the group whose faces lie alone most.
double ChooseCap(absl::Span<const CohortFace> faces, const std::vector<double>& crowding, size_t groups) {
  double cap = 0;
  for (size_t group = 0; group < groups; ++group) {
    std::vector<double> of_group;
    for (size_t i = 0; i < faces.size(); ++i) {
      if (!faces[i].degraded && faces[i].group == group) of_group.push_back(crowding[i]);
    }
    if (of_group.empty()) continue;
    const auto middle = of_group.begin() + static_cast<std::ptrdiff_t>(of_group.size() / 2);
    std::nth_element(of_group.begin(), middle, of_group.end());
    cap = std::max(cap, *middle);
  }
  return cap;
}

}  // namespace

absl::StatusOr<BuiltCohort> BuildCohort(absl::Span<const CohortFace> faces, absl::Span<const std::string> groups,
                                        const CohortOptions& options) {
  constexpr double kNoCap = 2;  // no two unit vectors are farther apart
  if (faces.empty()) return absl::FailedPreconditionError("there is no face to make a cohort of");
  for (const CohortFace& face : faces) {
    if (face.embedding.size() != faces[0].embedding.size()) {
      return absl::InvalidArgumentError("the embeddings have different sizes");
    }
  }
  const std::vector<size_t> drawn = Draw(faces, groups.size(), options);
  Clusters clusters(faces, drawn, options.centroids);
  for (int round = 0; round < kRounds; ++round) clusters.Round();
  while (clusters.DissolveSmall(static_cast<size_t>(options.people_in_centroid))) clusters.Round();
  if (clusters.size() <= static_cast<size_t>(options.nearest)) {
    return absl::FailedPreconditionError(
        absl::StrCat("too few people for a cohort: ", clusters.size(), " groups of ", options.people_in_centroid,
                     " people who look alike were found; more than ", options.nearest, " are needed"));
  }
  CohortDescription description{.nearest = options.nearest,
                                .cap = kNoCap,
                                .people_in_centroid = options.people_in_centroid,
                                .sources = SourcesOf(faces, drawn, groups)};
  absl::StatusOr<std::vector<double>> crowding = MeasureAsStrangers(faces, clusters, description);
  if (!crowding.ok()) return crowding.status();
  description.cap = ChooseCap(faces, *crowding, groups.size());
  for (double& value : *crowding) value = std::min(value, description.cap);
  // As a bundle will hold it.
  const size_t size = faces[0].embedding.size();
  const absl::StatusOr<std::vector<float>> stored =
      DecodeDirections(EncodeDirections(Flat(clusters.Sums(clusters.SharesOfPeople())), size), size);
  if (!stored.ok()) return stored.status();
  absl::StatusOr<Cohort> cohort = Cohort::Create(*stored, size, std::move(description));
  if (!cohort.ok()) return cohort.status();
  return BuiltCohort{*std::move(cohort), *std::move(crowding)};
}

}  // namespace likeness
