#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/unit/client/cli_run.h"
#include "tests/unit/client/fake_server.h"
#include "tests/unit/client/made_up_training.h"

namespace likeness {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kId[] = "0123456789abcdef0123456789abcdef";

class TrainingCommandsTest : public ::testing::Test {
 protected:
  CliRun Run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "trainings");
    arguments.insert(arguments.end(), {"--server", server_.address()});
    return RunCli(arguments);
  }

  // Watching shows the training in these states.
  void AnswerWatch(const std::vector<v1::TrainingState>& states) {
    server_.trainings.watch_training = [states](grpc::ServerContext&, const auto&, auto& writer) {
      v1::WatchTrainingResponse response;
      for (const v1::TrainingState state : states) {
        *response.mutable_training() = TrainingIn(state);
        writer.Write(response);
      }
      return grpc::Status::OK;
    };
  }

  FakeServer server_;
};

TEST_F(TrainingCommandsTest, ListsTrainingsInATable) {
  server_.trainings.list_trainings = [](const auto&, v1::ListTrainingsResponse* response) {
    *response->add_trainings() = MadeUpTraining();
    v1::Training& running = *response->add_trainings();
    running = TrainingIn(v1::TRAINING_STATE_RUNNING);
    running.mutable_config()->set_epochs(20);
    running.mutable_progress()->set_epoch(3);
    v1::Training& failed = *response->add_trainings();
    failed = TrainingIn(v1::TRAINING_STATE_FAILED);
    failed.mutable_failure()->set_reason("LOSS_NOT_FINITE");
    return grpc::Status::OK;
  };
  const CliRun run = Run({"list"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, StartsWith("TRAINING                          STATE      QUEUED                MODEL"));
  EXPECT_THAT(run.out, HasSubstr(std::string(kId) + "  succeeded  2023-11-14T22:13:20Z  mobilefacenet-192-trained  "
                                                    "5d41402abc4b, made active\n"));
  EXPECT_THAT(run.out, HasSubstr("  epoch 3 of 20\n"));
  EXPECT_THAT(run.out, HasSubstr("  LOSS_NOT_FINITE\n"));
  EXPECT_EQ(json::parse(Run({"list", "--json"}).out)["trainings"].size(), 3u);
}

TEST_F(TrainingCommandsTest, ShowsATraining) {
  server_.trainings.get_training = [](const v1::GetTrainingRequest& request, v1::GetTrainingResponse* response) {
    EXPECT_EQ(request.training_id(), kId);
    *response->mutable_training() = MadeUpTraining();
    return grpc::Status::OK;
  };
  const CliRun run = Run({"show", kId});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(run.out,
            "training    0123456789abcdef0123456789abcdef, succeeded\n"
            "            queued 2023-11-14T22:13:20Z, ended 2023-11-14T22:28:20Z\n"
            "photos      380 used, 2 rejected; 32 people trained on, 8 strangers held out\n"
            "EER         before 12.50 %, after 3.12 %\n"
            "FNMR        before 25.00 % (20.00 to 30.00), after 6.25 % (5.00 to 7.50) at FMR 0.01, on strangers\n"
            "model       mobilefacenet-192-trained 1.0.0+0123456789ab, digest "
            "5d41402abc4b2a76b9719d911017c592ae2b1f7f4b8bd0f1e5d7a1c3b2a49786\n"
            "            now the active one: FNMR 6.25 % at FMR 0.01 is not above 30.00 %\n");
  EXPECT_EQ(json::parse(Run({"show", kId, "--json"}).out)["state"], "TRAINING_STATE_SUCCEEDED");
}

TEST_F(TrainingCommandsTest, WatchesATrainingToItsEnd) {
  AnswerWatch({v1::TRAINING_STATE_QUEUED, v1::TRAINING_STATE_RUNNING, v1::TRAINING_STATE_SUCCEEDED});
  const CliRun run = Run({"watch", kId});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(run.err, std::string("training ") + kId + " is queued\ntraining " + kId + " is running\n");
  EXPECT_THAT(run.out, StartsWith(std::string("training    ") + kId + ", succeeded\n"));
}

TEST_F(TrainingCommandsTest, WatchExitsWithOneWhenNoModelWasTrained) {
  AnswerWatch({v1::TRAINING_STATE_FAILED});
  EXPECT_EQ(Run({"watch", kId}).exit_code, 1);
  AnswerWatch({v1::TRAINING_STATE_CANCELLED});
  EXPECT_EQ(Run({"watch", kId}).exit_code, 1);
}

TEST_F(TrainingCommandsTest, WatchSaysHowToComeBackWhenTheServerIsLost) {
  AnswerWatch({v1::TRAINING_STATE_RUNNING});
  const CliRun run = Run({"watch", kId});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(run.err, HasSubstr("error: UNAVAILABLE: the server ended the call before the training had ended; "));
  EXPECT_THAT(run.err, HasSubstr(std::string("`likeness trainings watch ") + kId + "` shows it"));
}

TEST_F(TrainingCommandsTest, WatchLeavesTheTrainingAtCtrlC) {
  server_.trainings.watch_training = [](grpc::ServerContext& context, const auto&, auto& writer) {
    v1::WatchTrainingResponse response;
    *response.mutable_training() = TrainingIn(v1::TRAINING_STATE_RUNNING);
    writer.Write(response);
    InterruptOnceHeard();
    return AwaitGone(context);
  };
  const CliRun run = Run({"watch", kId, "--json"});
  EXPECT_EQ(run.exit_code, 2);
  const json error = json::parse(run.err)["error"];
  EXPECT_EQ(error["reason"], "INTERRUPTED");
  EXPECT_EQ(error["message"], std::string("training ") + kId +
                                  " goes on without this command: `likeness trainings watch " + kId +
                                  "` shows it, `likeness trainings cancel " + kId + "` ends it");
}

TEST_F(TrainingCommandsTest, CancelExitsWithOneForATrainingThatHadEnded) {
  v1::TrainingState state = v1::TRAINING_STATE_CANCELLED;
  server_.trainings.cancel_training = [&state](const auto&, v1::CancelTrainingResponse* response) {
    *response->mutable_training() = TrainingIn(state);
    return grpc::Status::OK;
  };
  EXPECT_EQ(Run({"cancel", kId}).exit_code, 0);
  state = v1::TRAINING_STATE_SUCCEEDED;
  const CliRun run = Run({"cancel", kId});
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_THAT(run.out, HasSubstr(", succeeded\n"));
}

TEST_F(TrainingCommandsTest, ExitsWithTwoForATrainingThatTheServerDoesNotKnow) {
  const auto unknown = [](const auto&...) {
    return ToGrpcStatus({grpc::StatusCode::NOT_FOUND, "TRAINING_NOT_FOUND", "no such training", "", {}});
  };
  server_.trainings.get_training = unknown;
  server_.trainings.watch_training = unknown;
  for (const char* command : {"show", "watch"}) {
    const CliRun run = Run({command, kId});
    EXPECT_EQ(run.exit_code, 2);
    EXPECT_EQ(run.err, "error: TRAINING_NOT_FOUND: no such training\n");
  }
}

}  // namespace
}  // namespace likeness
