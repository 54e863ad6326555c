#include "client/cli/training_display.h"

#include <ostream>

#include "absl/strings/str_cat.h"
#include "client/cli/training_text.h"
#include "client/training_client.h"

namespace likeness {

TrainingDisplay::TrainingDisplay(const Invocation& invocation, int64_t photos)
    : console_(invocation.console), shows_anything_(invocation.console.err_is_terminal || !invocation.json) {
  absl::MutexLock lock(&mutex_);
  if (shows_anything_ && photos > 0) {
    sending_.emplace(console_.err, console_.err_is_terminal, "sending photos", photos);
  }
}

void TrainingDisplay::PhotoSent() {
  absl::MutexLock lock(&mutex_);
  if (sending_.has_value()) sending_->Advance();
}

void TrainingDisplay::PhotoRejected(absl::string_view file_name, const v1::RejectedPhoto& photo) {
  absl::MutexLock lock(&mutex_);
  Print(absl::StrCat("rejected ", file_name, ": ", photo.reason(), ": ", photo.message()));
}

void TrainingDisplay::Note(const std::string& text) {
  absl::MutexLock lock(&mutex_);
  Print(text);
}

void TrainingDisplay::Show(const v1::Training& training) {
  absl::MutexLock lock(&mutex_);
  if (!shows_anything_) return;
  sending_.reset();
  if (HasEnded(training)) {
    line_.reset();
  } else if (training.state() != state_) {
    Print(absl::StrCat("training ", training.training_id(), " is ", StateText(training.state())));
  }
  if (training.cancel_requested() && !HasEnded(training) && !told_of_end_) {
    Print(absl::StrCat("training ", training.training_id(),
                       " ends as soon as the step or the evaluation that it is in is done"));
    told_of_end_ = true;
  }
  if (training.state() == v1::TRAINING_STATE_RUNNING && console_.err_is_terminal) {
    if (!line_.has_value()) line_.emplace(console_.err);
    const bool epoch_done = training.progress().step() == training.progress().steps();
    if (training.has_progress() && (epoch_done || !line_->IsFresh())) line_->Show(ProgressText(training));
  } else if (!console_.err_is_terminal) {
    for (; printed_epochs_ < training.epochs_size(); ++printed_epochs_) {
      Print(EpochText(training, training.epochs(printed_epochs_)));
    }
  }
  state_ = training.state();
}

void TrainingDisplay::End() {
  absl::MutexLock lock(&mutex_);
  sending_.reset();
  line_.reset();
}

void TrainingDisplay::Print(const std::string& text) {
  if (!shows_anything_) return;
  if (sending_.has_value()) {
    sending_->Print(text);
  } else if (line_.has_value()) {
    line_->PrintAbove(text);
  } else {
    console_.err << text << std::endl;
  }
}

}  // namespace likeness
