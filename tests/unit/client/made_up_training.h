// A training as a server might report it, for tests of what is made of it.
#ifndef LIKENESS_TESTS_UNIT_CLIENT_MADE_UP_TRAINING_H_
#define LIKENESS_TESTS_UNIT_CLIENT_MADE_UP_TRAINING_H_

#include <initializer_list>

#include "likeness/v1/training_service.pb.h"

namespace likeness {

// Ten bins of 0.2 from the counts, with error rates at FMR 0.01.
inline v1::Evaluation MadeUpEvaluation(std::initializer_list<int> genuine, std::initializer_list<int> impostor,
                                       double false_non_match_rate, double threshold) {
  v1::Evaluation evaluation;
  evaluation.set_bin_width(0.2);
  for (const int count : genuine) {
    evaluation.add_genuine_histogram(count);
    evaluation.set_genuine_pairs(evaluation.genuine_pairs() + count);
  }
  for (const int count : impostor) {
    evaluation.add_impostor_histogram(count);
    evaluation.set_impostor_pairs(evaluation.impostor_pairs() + count);
  }
  evaluation.set_equal_error_rate(false_non_match_rate / 2);
  evaluation.set_area_under_roc(1 - false_non_match_rate / 4);
  v1::ErrorRates* rates = evaluation.add_rates();
  rates->set_target_false_match_rate(0.01);
  rates->set_false_match_rate(0.0098);
  rates->set_false_non_match_rate(false_non_match_rate);
  rates->set_false_non_match_rate_low(false_non_match_rate * 0.8);
  rates->set_false_non_match_rate_high(false_non_match_rate * 1.2);
  rates->set_distance(threshold);
  return evaluation;
}

inline void AddExample(v1::Evaluation& evaluation, int photo_a, int photo_b, bool genuine, double distance) {
  v1::PairExample* pair = evaluation.add_examples();
  pair->set_photo_a(photo_a);
  pair->set_photo_b(photo_b);
  pair->set_genuine(genuine);
  pair->set_distance(distance);
}

inline void FillOutcome(double threshold, double yours, double lfw, v1::ServiceOutcome& outcome) {
  outcome.set_target_false_match_rate(0.001);
  outcome.set_threshold(threshold);
  outcome.set_measured(true);
  const auto add = [&outcome](const char* name, double rejected) {
    v1::GroupOutcome& group = *outcome.add_groups();
    group.set_name(name);
    group.set_false_match_rate(0.0007);
    group.set_false_non_match_rate(rejected);
  };
  add("your people, held out", yours);
  add("lfw", lfw);
}

// Succeeded, after three epochs with losses 0.5, 0.25 and 0.125.
inline v1::Training MadeUpTraining() {
  v1::Training training;
  training.set_training_id("0123456789abcdef0123456789abcdef");
  training.set_state(v1::TRAINING_STATE_SUCCEEDED);
  training.mutable_create_time()->set_seconds(1700000000);
  training.mutable_end_time()->set_seconds(1700000900);
  v1::TrainingConfig& config = *training.mutable_config();
  config.set_base_model("mobilefacenet-192");
  config.set_margin(1.5);
  config.set_epochs(3);
  config.set_pairs_per_epoch(640);
  config.set_batch_pairs(64);
  config.set_learning_rate(5e-4);
  config.set_method(v1::TRAINING_METHOD_CONTRASTIVE);
  config.set_name("mobilefacenet-192-trained");
  training.mutable_data()->set_accepted_photos(380);
  training.mutable_data()->set_rejected_photos(2);
  training.mutable_data()->set_people(32);
  training.mutable_data()->set_strangers(8);
  for (int epoch = 1; epoch <= 3; ++epoch) {
    v1::TrainingProgress& progress = *training.add_epochs();
    progress.set_epoch(epoch);
    progress.set_step(10);
    progress.set_steps(10);
    progress.set_loss(1.0 / (1 << epoch));
    progress.set_mean_genuine_distance(0.8 / epoch);
    progress.set_mean_impostor_distance(1.2 + 0.1 * epoch);
    progress.set_photos_per_second(812);
    progress.mutable_time_left()->set_seconds(90 - 30 * epoch);
  }
  *training.mutable_progress() = training.epochs(2);
  *training.mutable_before() =
      MadeUpEvaluation({2, 20, 60, 50, 28, 12, 5, 2, 1, 0}, {0, 1, 12, 80, 300, 700, 900, 500, 100, 7}, 0.25, 0.62);
  *training.mutable_after() =
      MadeUpEvaluation({40, 80, 40, 12, 5, 2, 1, 0, 0, 0}, {0, 0, 3, 20, 60, 217, 600, 900, 600, 200}, 0.0625, 0.78);
  AddExample(*training.mutable_before(), 0, 1, true, 0.7071);
  AddExample(*training.mutable_before(), 0, 2, false, 0.9);
  AddExample(*training.mutable_after(), 0, 1, true, 0.3535);
  AddExample(*training.mutable_after(), 0, 2, false, 1.4142);
  v1::TrainingResult& result = *training.mutable_result();
  result.mutable_model()->set_name("mobilefacenet-192-trained");
  result.mutable_model()->set_version("1.0.0+0123456789ab");
  result.mutable_model()->set_digest("5d41402abc4b2a76b9719d911017c592ae2b1f7f4b8bd0f1e5d7a1c3b2a49786");
  result.set_promoted(true);
  result.set_promotion_reason("it rejects 6.25 % of genuine pairs instead of 25 %");
  FillOutcome(1.0331, 0.25, 0.012, *result.mutable_before());
  FillOutcome(0.9812, 0.0625, 0.0125, *result.mutable_after());
  result.mutable_after()->mutable_groups(1)->set_foretold(true);
  return training;
}

}  // namespace likeness

#endif  // LIKENESS_TESTS_UNIT_CLIENT_MADE_UP_TRAINING_H_
