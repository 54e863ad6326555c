#include "server/trainings/training_config.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "server/errors/errors.h"
#include "server/ids/check_id.h"

namespace likeness {
namespace {

constexpr int kMaxEpochs = 10'000;
constexpr int kMaxPairsPerEpoch = 1'000'000;
constexpr int kMaxBatchPairs = 1024;
constexpr size_t kMaxNameBytes = 64;
// Of a network that has seen millions of faces (docs/training.md says what it does).
constexpr double kDistillation = 1;

absl::Status Wrong(absl::string_view field, absl::string_view rule) {
  return InvalidField(absl::StrCat("config.", field), absl::StrCat(field, " must be ", rule));
}

bool IsPositive(double value) { return std::isfinite(value) && value > 0; }

bool IsName(const std::string& name) {
  return name.size() <= kMaxNameBytes && std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return absl::ascii_isalnum(c) || c == '.' || c == '-';
         });
}

// Whether a field is set that only a contrastive training knows.
bool AsksForContrastive(const v1::TrainingConfig& config) {
  return config.has_margin() || config.has_epochs() || config.has_pairs_per_epoch() || config.has_batch_pairs() ||
         config.has_learning_rate() || config.optimizer() != v1::OPTIMIZER_UNSPECIFIED || config.mirror() ||
         config.mine_hardest() || config.has_distillation();
}

v1::TrainingMethod MethodFor(const v1::TrainingConfig& config, const BundleManifest& base) {
  const bool head = base.unit_length && !base.operating_points.empty() && !AsksForContrastive(config);
  return head ? v1::TRAINING_METHOD_LINEAR_HEAD : v1::TRAINING_METHOD_CONTRASTIVE;
}

}  // namespace

absl::StatusOr<v1::TrainingConfig> CompleteConfig(v1::TrainingConfig config, const BundleManifest& base) {
  if (config.method() == v1::TRAINING_METHOD_UNSPECIFIED) config.set_method(MethodFor(config, base));
  if (config.head_method() == v1::HEAD_METHOD_UNSPECIFIED) config.set_head_method(v1::HEAD_METHOD_WCCN);
  if (!config.has_margin()) config.set_margin(base.margin);
  if (!config.has_epochs()) config.set_epochs(20);
  if (!config.has_batch_pairs()) config.set_batch_pairs(64);
  if (!config.has_learning_rate()) config.set_learning_rate(5e-4);
  if (!config.has_distillation()) config.set_distillation(base.operating_points.empty() ? 0 : kDistillation);
  if (config.optimizer() == v1::OPTIMIZER_UNSPECIFIED) config.set_optimizer(v1::OPTIMIZER_ADAM);
  if (!config.has_held_out_share()) config.set_held_out_share(config.held_out_people().empty() ? 0.2 : 0);
  if (config.promotion_rule() == v1::PROMOTION_RULE_UNSPECIFIED) {
    config.set_promotion_rule(v1::PROMOTION_RULE_IF_NOT_WORSE);
  }
  if (config.name().empty()) config.set_name(absl::StrCat(base.name, "-trained").substr(0, kMaxNameBytes));

  if (!v1::TrainingMethod_IsValid(config.method())) return Wrong("method", "one of TrainingMethod");
  if (!v1::HeadMethod_IsValid(config.head_method())) return Wrong("head_method", "one of HeadMethod");
  if (config.method() == v1::TRAINING_METHOD_LINEAR_HEAD && !base.unit_length) {
    return Wrong("method", "TRAINING_METHOD_CONTRASTIVE: the base model's embeddings have no unit length");
  }
  if (!IsPositive(config.margin())) return Wrong("margin", "finite and > 0");
  if (config.epochs() < 1 || config.epochs() > kMaxEpochs) return Wrong("epochs", "1 to 10000");
  if (config.has_pairs_per_epoch() && (config.pairs_per_epoch() < 1 || config.pairs_per_epoch() > kMaxPairsPerEpoch)) {
    return Wrong("pairs_per_epoch", "1 to 1000000");
  }
  if (config.batch_pairs() < 2 || config.batch_pairs() > kMaxBatchPairs) return Wrong("batch_pairs", "2 to 1024");
  if (!IsPositive(config.learning_rate())) return Wrong("learning_rate", "finite and > 0");
  if (!(std::isfinite(config.distillation()) && config.distillation() >= 0)) {
    return Wrong("distillation", "finite and >= 0");
  }
  if (!v1::Optimizer_IsValid(config.optimizer())) return Wrong("optimizer", "one of Optimizer");
  if (!(config.held_out_share() >= 0 && config.held_out_share() <= 0.9)) return Wrong("held_out_share", "0 to 0.9");
  if (!config.held_out_people().empty() && config.held_out_share() > 0) {
    return Wrong("held_out_share", "left out where held_out_people names them");
  }
  for (const std::string& person : config.held_out_people()) {
    if (absl::Status status = CheckId("config.held_out_people", person, kNewId); !status.ok()) return status;
  }
  if (!v1::PromotionRule_IsValid(config.promotion_rule())) return Wrong("promotion_rule", "one of PromotionRule");
  if (!IsName(config.name())) return Wrong("name", "1 to 64 letters, digits, dots, dashes");
  return config;
}

TrainerOptions TrainerOptionsOf(const v1::TrainingConfig& config, int threads) {
  return {.margin = config.margin(),
          .pairs_per_epoch = config.pairs_per_epoch(),
          .batch_pairs = config.batch_pairs(),
          .learning_rate = config.learning_rate(),
          .optimizer = config.optimizer() == v1::OPTIMIZER_SGD ? OptimizerKind::kSgd : OptimizerKind::kAdam,
          .mirror = config.mirror(),
          .mine_hardest = config.mine_hardest(),
          .seed = config.seed(),
          .threads = threads,
          .distillation = config.distillation()};
}

PromotionRule PromotionRuleOf(const v1::TrainingConfig& config) {
  switch (config.promotion_rule()) {
    case v1::PROMOTION_RULE_ALWAYS:
      return PromotionRule::kAlways;
    case v1::PROMOTION_RULE_IF_NOT_WORSE:
      return PromotionRule::kIfNotWorse;
    default:
      return PromotionRule::kNever;
  }
}

}  // namespace likeness
