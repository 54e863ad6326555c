#include "client/cli/training_config_options.h"

#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"

namespace likeness {
namespace {

// Refuses what is not a finite number above 0 and below `limit`.
CLI::Validator PositiveBelow(double limit, const std::string& message) {
  return CLI::Validator(
      [limit, message](const std::string& text) {
        double number = 0;
        const bool valid = absl::SimpleAtod(text, &number) && std::isfinite(number) && number > 0 && number < limit;
        return valid ? std::string() : message;
      },
      "");
}

CLI::Validator PositiveNumber() { return PositiveBelow(HUGE_VAL, "must be a finite number > 0"); }

// An option whose value is one of some names.
template <typename Value>
void AddChoice(CLI::App& command, const char* name, const std::map<std::string, Value>& choices, const char* type_name,
               const char* fallback, const char* description, void (v1::TrainingConfig::*set)(Value),
               v1::TrainingConfig& config) {
  command
      .add_option_function<std::string>(
          name, [&config, &choices, set](const std::string& choice) { (config.*set)(choices.at(choice)); }, description)
      ->type_name(type_name)
      ->default_str(fallback)
      ->check(CLI::IsMember(&choices).description(""));
}

void AddMethodOptions(CLI::App& command, v1::TrainingConfig& config) {
  static const std::map<std::string, v1::TrainingMethod> kMethods = {{"linear-head", v1::TRAINING_METHOD_LINEAR_HEAD},
                                                                     {"contrastive", v1::TRAINING_METHOD_CONTRASTIVE}};
  static const std::map<std::string, v1::HeadMethod> kHeads = {
      {"wccn", v1::HEAD_METHOD_WCCN}, {"lda", v1::HEAD_METHOD_LDA}, {"mean", v1::HEAD_METHOD_MEAN}};
  AddChoice(command, "--method", kMethods, "linear-head|contrastive", "",
            "What is taught: a linear layer behind the network, in seconds, or all its weights; without it the layer "
            "where the base model is measured, unless an option of the other is given",
            &v1::TrainingConfig::set_method, config);
  AddChoice(command, "--head", kHeads, "wccn|lda|mean", "wccn", "What the linear layer does",
            &v1::TrainingConfig::set_head_method, config);
}

void AddStepOptions(CLI::App& command, v1::TrainingConfig& config) {
  static const std::map<std::string, v1::Optimizer> kOptimizers = {{"adam", v1::OPTIMIZER_ADAM},
                                                                   {"sgd", v1::OPTIMIZER_SGD}};
  command
      .add_option_function<int32_t>(
          "--epochs", [&config](int32_t number) { config.set_epochs(number); }, "Epochs; the server's default is 20")
      ->type_name("N")
      ->check(CLI::Range(1, 10000).description(""));
  command
      .add_option_function<int32_t>(
          "--pairs-per-epoch", [&config](int32_t number) { config.set_pairs_per_epoch(number); },
          "Pairs in an epoch, half genuine, half impostor; the server's default is ten for each photo")
      ->type_name("N")
      ->check(CLI::Range(1, 1000000).description(""));
  command
      .add_option_function<int32_t>(
          "--batch-pairs", [&config](int32_t number) { config.set_batch_pairs(number); },
          "Pairs in a step; the server's default is 64")
      ->type_name("N")
      ->check(CLI::Range(2, 1024).description(""));
  command
      .add_option_function<double>(
          "--learning-rate", [&config](double rate) { config.set_learning_rate(rate); },
          "Learning rate; the server's default is 0.0005")
      ->type_name("RATE")
      ->check(PositiveNumber());
  command
      .add_option_function<double>(
          "--distillation", [&config](double weight) { config.set_distillation(weight); },
          "How much embeddings are held where the base model has them, 0 for not at all; the server's default is 1, "
          "and 0 for a base model without operating points")
      ->type_name("WEIGHT")
      ->check(CLI::Validator(
          [](const std::string& text) {
            double weight = 0;
            const bool valid = absl::SimpleAtod(text, &weight) && std::isfinite(weight) && weight >= 0;
            return valid ? std::string() : std::string("must be a finite number >= 0");
          },
          ""));
  AddChoice(command, "--optimizer", kOptimizers, "adam|sgd", "adam", "How weights follow the gradient",
            &v1::TrainingConfig::set_optimizer, config);
}

void AddPairOptions(CLI::App& command, v1::TrainingConfig& config) {
  command
      .add_option_function<double>(
          "--margin", [&config](double margin) { config.set_margin(margin); },
          "Contrastive margin: the distance beyond which impostor pairs are left alone; the server's default is the "
          "base model's")
      ->type_name("DISTANCE")
      ->check(PositiveNumber());
  command.add_flag_function(
      "--mirror", [&config](int64_t) { config.set_mirror(true); }, "Mirror half of the pictures, at random");
  command.add_flag_function(
      "--mine-hardest", [&config](int64_t) { config.set_mine_hardest(true); },
      "Take impostor pairs from the nearest faces of a batch instead of at random");
  command
      .add_option_function<uint64_t>(
          "--seed", [&config](uint64_t seed) { config.set_seed(seed); },
          "What all random choices are made from: the same seed, photos and device give the same weights")
      ->type_name("N")
      ->default_str("0")
      ->check([](const std::string& text) {  // CLI11 would take -1 for the largest number
        uint64_t seed = 0;
        return absl::SimpleAtoi(text, &seed) ? "" : "must be a whole number, 0 or more";
      });
}

void AddStrangerOptions(CLI::App& command, v1::TrainingConfig& config) {
  static const std::map<std::string, v1::PromotionRule> kRules = {{"if-not-worse", v1::PROMOTION_RULE_IF_NOT_WORSE},
                                                                  {"never", v1::PROMOTION_RULE_NEVER},
                                                                  {"always", v1::PROMOTION_RULE_ALWAYS}};
  CLI::Option* share = command
                           .add_option_function<double>(
                               "--held-out-share", [&config](double share) { config.set_held_out_share(share); },
                               "Share of the people never trained on, to evaluate with; the server's default is 0.2")
                           ->type_name("SHARE")
                           ->check(CLI::Range(0.0, 0.9).description(""));
  command
      .add_option_function<std::vector<std::string>>(
          "--held-out",
          [&config](const std::vector<std::string>& people) {
            for (const std::string& person : people) config.add_held_out_people(person);
          },
          "The people to hold out, by the names of their folders; give DIR before them")
      ->type_name("NAME")
      ->excludes(share);
  AddChoice(command, "--promotion", kRules, "if-not-worse|never|always", "if-not-worse",
            "When the trained model becomes the active one", &v1::TrainingConfig::set_promotion_rule, config);
}

}  // namespace

void AddTrainingConfigOptions(CLI::App& command, v1::TrainingConfig& config) {
  command
      .add_option_function<std::string>(
          "--base-model", [&config](const std::string& model) { config.set_base_model(model); },
          "The model to begin with: a digest, or the name of a bundle that the server has, siamese-article for an "
          "untrained network; without it the active model")
      ->type_name("MODEL");
  AddMethodOptions(command, config);
  AddStepOptions(command, config);
  AddPairOptions(command, config);
  AddStrangerOptions(command, config);
  command
      .add_option_function<std::string>(
          "--name", [&config](const std::string& name) { config.set_name(name); },
          "Name of the trained model; without it the base model's with -trained")
      ->type_name("NAME");
}

}  // namespace likeness
