// How long `likeness eval` takes for 100 million pairs once the photos are embedded: 14,143 photos of 2,829 made-up
// people with embeddings of 192 numbers, of a model with a cohort, on one
// thread.
//
//   build/release/bin/evaluation_benchmark [PHOTOS]
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/evaluation/report.h"
#include "client/evaluation/scores.h"

namespace likeness {
namespace {

constexpr int kPhotosOfAPerson = 5;
constexpr int kNumbers = 192;
constexpr float kSpread = 0.9f;  // of a person's photos, against that of people

// Unit vectors around each person's own.
PhotoEmbeddings Embed(const Comparisons& comparisons) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::vector<float> centre(kNumbers);
  PhotoEmbeddings embeddings;
  for (size_t i = 0; i < comparisons.photos.size(); ++i) {
    v1::EmbedResponse response;
    float square = 0;
    for (float& of_person : centre) {
      if (i % kPhotosOfAPerson == 0) of_person = normal(random);
      response.add_embedding(of_person + kSpread * normal(random));
      square += response.embedding().Get(response.embedding_size() - 1) *
                response.embedding().Get(response.embedding_size() - 1);
    }
    for (float& number : *response.mutable_embedding()) number /= std::sqrt(square);
    response.mutable_model()->set_name("made up");
    response.mutable_threshold()->set_distance(1.1);
    response.mutable_threshold()->set_base_distance(1.1);
    response.mutable_threshold()->set_crowding_cap(1.2);
    response.set_crowding(1.2 - 0.001 * static_cast<double>(i % 200));
    response.mutable_calibration()->set_offset(30);
    response.mutable_calibration()->set_slope(-27);
    response.mutable_calibration()->set_genuine_pairs(10000);
    response.mutable_calibration()->set_impostor_pairs(1000000);
    response.mutable_face()->mutable_quality()->set_score(static_cast<float>(i % 100) / 100);
    embeddings.emplace(comparisons.photos[i].path, std::move(response));
  }
  return embeddings;
}

int Run(int photos) {
  PhotoFolder folder;
  for (int i = 0; i < photos; ++i) {
    const std::string person = absl::StrCat(1000000 + i / kPhotosOfAPerson);
    folder.photos.push_back({person, absl::StrCat(person, "/", i % kPhotosOfAPerson)});
  }
  const Comparisons comparisons = *CompareAll(folder, {});
  const PhotoEmbeddings embeddings = Embed(comparisons);
  const absl::Time start = absl::Now();
  const absl::StatusOr<MeasuredPairs> measured = MeasurePairs(comparisons, embeddings);
  const absl::Time compared = absl::Now();
  const absl::StatusOr<Scores> scores = ScorePairs(comparisons, *measured);
  const absl::Time scored = absl::Now();
  std::fputs(ReportText(*scores).c_str(), stdout);
  std::printf("%zu pairs: distances %.1f s, figures with intervals %.1f s, together %.1f s\n",
              measured->pairs.pairs.size(), absl::ToDoubleSeconds(compared - start),
              absl::ToDoubleSeconds(scored - compared), absl::ToDoubleSeconds(scored - start));
  return 0;
}

}  // namespace
}  // namespace likeness

int main(int argc, char** argv) { return likeness::Run(argc > 1 ? std::atoi(argv[1]) : 14143); }
