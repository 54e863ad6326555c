#include "client/cli/training_text.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "client/cli/progress_bar.h"
#include "client/training/training_plots.h"
#include "google/protobuf/util/time_util.h"

namespace likeness {
namespace {

using google::protobuf::util::TimeUtil;

constexpr int kBarWidth = 20;

std::string TimeLeftText(const v1::TrainingProgress& progress) {
  return absl::FormatDuration(absl::Seconds(progress.time_left().seconds()));
}

std::string PercentText(double share) { return absl::StrFormat("%.2f %%", 100 * share); }

// "before 4.10 %, after 2.05 %", or one of them.
template <typename Value>
std::string BeforeAfterText(const v1::Training& training, Value value) {
  std::string text;
  if (training.has_before()) absl::StrAppend(&text, "before ", value(training.before()));
  if (training.has_after()) absl::StrAppend(&text, text.empty() ? "" : ", ", "after ", value(training.after()));
  return text;
}

std::string ErrorsText(const v1::Training& training) {
  if (!training.has_before() && !training.has_after()) return "";
  std::string text = absl::StrCat(
      "EER         ",
      BeforeAfterText(training,
                      [](const v1::Evaluation& evaluation) { return PercentText(evaluation.equal_error_rate()); }),
      "\n");
  return text;
}

std::string ThresholdText(const v1::ServiceOutcome& outcome) {
  if (!outcome.has_threshold()) return "none";
  return absl::StrFormat("%.4f%s", outcome.threshold(), outcome.measured() ? "" : " (not measured)");
}

const v1::GroupOutcome* Find(const v1::ServiceOutcome& outcome, const std::string& name) {
  const auto found = std::find_if(outcome.groups().begin(), outcome.groups().end(),
                                  [&](const v1::GroupOutcome& group) { return group.name() == name; });
  return found == outcome.groups().end() ? nullptr : &*found;
}

// What the service does before and after, at the thresholds that decide: a line for each group.
std::string OutcomesText(const v1::TrainingResult& result) {
  if (!result.has_after()) return "";
  std::string text =
      absl::StrFormat("threshold   %s → %s, for a false match rate of %g\n", ThresholdText(result.before()),
                      ThresholdText(result.after()), result.after().target_false_match_rate());
  for (const v1::GroupOutcome& after : result.after().groups()) {
    const v1::GroupOutcome* before = Find(result.before(), after.name());
    const auto change = [&](double (v1::GroupOutcome::*rate)() const) {
      return before == nullptr ? PercentText((after.*rate)())
                               : absl::StrCat(PercentText((before->*rate)()), " → ", PercentText((after.*rate)()));
    };
    absl::StrAppendFormat(&text, "  %-29s rejects %s of genuine pairs, matches %s of strangers%s\n", after.name(),
                          change(&v1::GroupOutcome::false_non_match_rate), change(&v1::GroupOutcome::false_match_rate),
                          after.foretold() ? " (foretold)" : "");
  }
  return text;
}

std::string ResultText(const v1::Training& training) {
  if (training.has_failure()) {
    return absl::StrCat("failure     ", training.failure().reason(), ": ", training.failure().message(), "\n");
  }
  if (!training.has_result()) return "";
  const v1::TrainingResult& result = training.result();
  if (!result.has_model()) return absl::StrCat("            ", result.promotion_reason(), "\n");
  return absl::StrCat(OutcomesText(result), "model       ", result.model().name(), " ", result.model().version(),
                      ", digest ", result.model().digest(), "\n            ",
                      result.promoted() ? "now the active one: " : "not the active one: ", result.promotion_reason(),
                      "\n");
}

}  // namespace

std::string StateText(v1::TrainingState state) {
  switch (state) {
    case v1::TRAINING_STATE_QUEUED:
      return "queued";
    case v1::TRAINING_STATE_RUNNING:
      return "running";
    case v1::TRAINING_STATE_SUCCEEDED:
      return "succeeded";
    case v1::TRAINING_STATE_FAILED:
      return "failed";
    case v1::TRAINING_STATE_CANCELLED:
      return "cancelled";
    default:
      return "unknown";
  }
}

std::string EpochText(const v1::Training& training, const v1::TrainingProgress& epoch) {
  return absl::StrFormat("epoch %d of %d: loss %.4f, mean distance %.3f genuine, %.3f impostor, %.0f photos/s, %s left",
                         epoch.epoch(), training.config().epochs(), epoch.loss(), epoch.mean_genuine_distance(),
                         epoch.mean_impostor_distance(), epoch.photos_per_second(), TimeLeftText(epoch));
}

std::string ProgressText(const v1::Training& training) {
  const v1::TrainingProgress& now = training.progress();
  if (training.config().method() == v1::TRAINING_METHOD_LINEAR_HEAD) {
    return absl::StrFormat("faces %s %.0f a second, %s left", DrawBar(now.step(), std::max(now.steps(), 1), kBarWidth),
                           now.photos_per_second(), TimeLeftText(now));
  }
  const int64_t total = std::max<int64_t>(int64_t{training.config().epochs()} * now.steps(), 1);
  const int64_t done = std::clamp<int64_t>(int64_t{std::max(now.epoch() - 1, 0)} * now.steps() + now.step(), 0, total);
  return absl::StrFormat("epoch %d of %d %s loss %.4f, genuine %.3f, impostor %.3f, %s left, %.0f photos/s",
                         now.epoch(), training.config().epochs(), DrawBar(done, total, kBarWidth), now.loss(),
                         now.mean_genuine_distance(), now.mean_impostor_distance(), TimeLeftText(now),
                         now.photos_per_second());
}

std::string TrainingText(const v1::Training& training) {
  std::string text = absl::StrCat("training    ", training.training_id(), ", ", StateText(training.state()));
  if (training.state() == v1::TRAINING_STATE_RUNNING) absl::StrAppend(&text, ", ", ProgressText(training));
  absl::StrAppend(&text, "\n            queued ", TimeUtil::ToString(training.create_time()));
  if (training.has_end_time()) absl::StrAppend(&text, ", ended ", TimeUtil::ToString(training.end_time()));
  absl::StrAppend(&text, "\n");
  const v1::TrainingData& data = training.data();
  absl::StrAppendFormat(&text, "photos      %d used, %d rejected%s; %d people trained on, %d strangers held out\n",
                        data.accepted_photos(), data.rejected_photos(),
                        data.left_out_photos() > 0 ? absl::StrCat(", ", data.left_out_photos(), " left out") : "",
                        data.people(), data.strangers());
  if (data.findings_size() > 0) {
    absl::StrAppendFormat(&text, "            %d %s found wrong with them: `%s` names %s\n", data.findings_size(),
                          data.findings_size() == 1 ? "thing was" : "things were", ReportText(training.training_id()),
                          data.findings_size() == 1 ? "it" : "them");
  }
  return absl::StrCat(text, ErrorsText(training), ResultText(training));
}

std::string ReportText(const std::string& training_id) {
  return absl::StrCat("likeness trainings report ", training_id, " --images DIR");
}

std::string ComeBackText(const std::string& training_id) {
  return absl::StrCat("`likeness trainings watch ", training_id, "` shows it, `likeness trainings cancel ", training_id,
                      "` ends it, `", ReportText(training_id), "` makes its report");
}

}  // namespace likeness
