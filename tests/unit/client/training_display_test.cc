#include "client/cli/training_display.h"

#include <sstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/client/made_up_training.h"

namespace likeness {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kId[] = "0123456789abcdef0123456789abcdef";

class TrainingDisplayTest : public ::testing::Test {
 protected:
  // The made-up training, while it ran: in its second of three epochs, with five of ten steps done.
  static v1::Training Running() {
    v1::Training training = MadeUpTraining();
    training.set_state(v1::TRAINING_STATE_RUNNING);
    training.mutable_epochs()->DeleteSubrange(1, 2);
    v1::TrainingProgress& progress = *training.mutable_progress();
    progress.set_epoch(2);
    progress.set_step(5);
    progress.mutable_time_left()->set_seconds(80);
    return training;
  }

  std::istringstream in_;
  std::ostringstream out_, err_;
};

TEST_F(TrainingDisplayTest, WritesALineForEachEpochWhereThereIsNoTerminal) {
  Console console = {in_, out_, err_};
  const Invocation invocation(console);
  TrainingDisplay display(invocation, /*photos=*/0);
  display.Show(Running());
  display.Show(Running());
  display.Show(MadeUpTraining());
  EXPECT_EQ(err_.str(),
            std::string("training ") + kId +
                " is running\n"
                "epoch 1 of 3: loss 0.5000, mean distance 0.800 genuine, 1.300 impostor, 812 photos/s, 1m left\n"
                "epoch 2 of 3: loss 0.2500, mean distance 0.400 genuine, 1.400 impostor, 812 photos/s, 30s left\n"
                "epoch 3 of 3: loss 0.1250, mean distance 0.267 genuine, 1.500 impostor, 812 photos/s, 0 left\n");
}

TEST_F(TrainingDisplayTest, RedrawsABarOnATerminal) {
  Console console = {in_, out_, err_, /*err_is_terminal=*/true};
  const Invocation invocation(console);
  TrainingDisplay display(invocation, /*photos=*/0);
  display.Show(Running());
  EXPECT_THAT(err_.str(), HasSubstr("epoch 2 of 3 [##########          ] loss 0.1250, genuine 0.267, impostor 1.500, "
                                    "1m20s left, 812 photos/s"));
  display.Show(MadeUpTraining());
  EXPECT_EQ(err_.str().back(), '\n');
}

TEST_F(TrainingDisplayTest, NamesRejectedPhotosAmongThoseThatAreSent) {
  Console console = {in_, out_, err_};
  const Invocation invocation(console);
  TrainingDisplay display(invocation, /*photos=*/2);
  v1::RejectedPhoto rejected;
  rejected.set_reason("FACE_NOT_FOUND");
  rejected.set_message("no face was found");
  display.PhotoSent();
  display.PhotoRejected("alice/1.jpg", rejected);
  display.PhotoSent();
  EXPECT_EQ(err_.str(),
            "sending photos: 50 %, 1 of 2\n"
            "rejected alice/1.jpg: FACE_NOT_FOUND: no face was found\n"
            "sending photos: 100 %, 2 of 2\n");
}

TEST_F(TrainingDisplayTest, WritesNothingForAProgramThatReadsJson) {
  Console console = {in_, out_, err_};
  Invocation invocation(console);
  invocation.json = true;
  TrainingDisplay display(invocation, /*photos=*/1);
  display.PhotoSent();
  display.PhotoRejected("alice/1.jpg", {});
  display.Show(Running());
  EXPECT_EQ(err_.str(), "");
}

TEST_F(TrainingDisplayTest, SurvivesATrainingWithoutProgress) {
  Console console = {in_, out_, err_, /*err_is_terminal=*/true};
  const Invocation invocation(console);
  TrainingDisplay display(invocation, /*photos=*/0);
  v1::Training training;
  training.set_state(v1::TRAINING_STATE_RUNNING);
  display.Show(training);
  training.mutable_progress();
  display.Show(training);
  EXPECT_THAT(err_.str(), Not(HasSubstr("#")));
}

}  // namespace
}  // namespace likeness
