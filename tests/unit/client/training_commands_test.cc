#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "server/hashing/sha256.h"
#include "tests/support/files.h"
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
            "threshold   1.0331 → 0.9812, for a false match rate of 0.001\n"
            "  your people, held out         rejects 25.00 % → 6.25 % of genuine pairs, matches 0.07 % → 0.07 % of "
            "strangers\n"
            "  lfw                           rejects 1.20 % → 1.25 % of genuine pairs, matches 0.07 % → 0.07 % of "
            "strangers (foretold)\n"
            "model       mobilefacenet-192-trained 1.0.0+0123456789ab, digest "
            "5d41402abc4b2a76b9719d911017c592ae2b1f7f4b8bd0f1e5d7a1c3b2a49786\n"
            "            now the active one: it rejects 6.25 % of genuine pairs instead of 25 %\n");
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
                                  "` shows it, `likeness trainings cancel " + kId +
                                  "` ends it, `likeness trainings report " + kId + " --images DIR` makes its report");
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

TEST_F(TrainingCommandsTest, CancelWaitsForTheEndAndSaysWhatItWaitsFor) {
  server_.trainings.cancel_training = [](const auto&, v1::CancelTrainingResponse* response) {
    *response->mutable_training() = TrainingIn(v1::TRAINING_STATE_RUNNING);
    response->mutable_training()->set_cancel_requested(true);
    return grpc::Status::OK;
  };
  server_.trainings.watch_training = [](grpc::ServerContext& context, const auto&, auto& writer) {
    EXPECT_EQ(context.deadline(), std::chrono::system_clock::time_point::max()) << "a step may take minutes";
    v1::WatchTrainingResponse response;
    *response.mutable_training() = TrainingIn(v1::TRAINING_STATE_RUNNING);
    response.mutable_training()->set_cancel_requested(true);
    writer.Write(response);
    *response.mutable_training() = TrainingIn(v1::TRAINING_STATE_CANCELLED);
    writer.Write(response);
    return grpc::Status::OK;
  };
  const CliRun run = Run({"cancel", kId, "--timeout", "5"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.err, HasSubstr(std::string("training ") + kId +
                                 " ends as soon as the step or the evaluation that it is in is done\n"));
  EXPECT_THAT(run.out, HasSubstr(", cancelled\n"));
}

TEST_F(TrainingCommandsTest, CtrlCLeavesACancellationThatTakesEffect) {
  server_.trainings.cancel_training = [](const auto&, v1::CancelTrainingResponse* response) {
    *response->mutable_training() = TrainingIn(v1::TRAINING_STATE_RUNNING);
    return grpc::Status::OK;
  };
  server_.trainings.watch_training = [](grpc::ServerContext& context, const auto&, auto&) {
    InterruptOnceHeard();
    return AwaitGone(context);
  };
  const CliRun run = Run({"cancel", kId});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_EQ(run.err,
            std::string("error: INTERRUPTED: training ") + kId + " was asked to end, and will without this command\n");
}

TEST_F(TrainingCommandsTest, TakesTheFirstDigitsOfAnId) {
  server_.trainings.list_trainings = [](const auto&, v1::ListTrainingsResponse* response) {
    response->add_trainings()->set_training_id(kId);
    response->add_trainings()->set_training_id("0123" + std::string(28, 'f'));
    return grpc::Status::OK;
  };
  server_.trainings.get_training = [](const v1::GetTrainingRequest& request, v1::GetTrainingResponse* response) {
    EXPECT_EQ(request.training_id(), kId);
    *response->mutable_training() = MadeUpTraining();
    return grpc::Status::OK;
  };
  EXPECT_EQ(Run({"show", "01234"}).exit_code, 0);
  const CliRun ambiguous = Run({"show", "0123"});
  EXPECT_EQ(ambiguous.exit_code, 2);
  EXPECT_THAT(ambiguous.err, HasSubstr("2 trainings have an id that begins with 0123"));
}

// Photos of a folder, and the training that was sent them.
class TrainingReportTest : public TrainingCommandsTest {
 protected:
  TrainingReportTest() {
    std::filesystem::create_directories(images_ + "/alice");
    WriteFile(images_ + "/alice/1.jpg", "one");
    WriteFile(images_ + "/alice/2.jpg", "two");
    FieldHasher hasher;
    for (const char* field : {"alice", "one", "alice", "two"}) hasher.Add(field);
    const Sha256Digest digest = hasher.Finish();
    training_ = MadeUpTraining();
    v1::TrainingData& data = *training_.mutable_data();
    data.set_accepted_photos(1);
    data.set_rejected_photos(1);
    data.set_photos_sha256(absl::BytesToHexString({reinterpret_cast<const char*>(digest.data()), digest.size()}));
    v1::RejectedPhoto& rejected = *data.add_rejections();
    rejected.set_photo_index(1);
    rejected.set_reason("FACE_NOT_FOUND");
    server_.trainings.get_training = [this](const auto&, v1::GetTrainingResponse* response) {
      *response->mutable_training() = training_;
      return grpc::Status::OK;
    };
  }
  ~TrainingReportTest() override { std::filesystem::remove_all(images_); }

  CliRun Report() { return Run({"report", kId, "--images", images_, "--report", page_}); }

  const std::string images_ = UniquePath("images");
  const std::string page_ = TemporaryPath("late-report");
  v1::Training training_;
};

TEST_F(TrainingReportTest, WritesThePageOfATrainingThatWasLeft) {
  const CliRun run = Report();
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(run.out, "report      " + page_ + "/train-report.html\n");
  const std::string html = ReadFile(page_ + "/train-report.html");
  EXPECT_THAT(html, HasSubstr("<td>alice/2.jpg</td><td>FACE_NOT_FOUND</td>"));
  EXPECT_THAT(html, HasSubstr("data:image/jpeg;base64,b25l"));
}

TEST_F(TrainingReportTest, RefusesAFolderWithAnotherNumberOfPhotos) {
  WriteFile(images_ + "/alice/3.jpg", "three");
  const CliRun run = Report();
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(run.err, HasSubstr("is not the folder of training " + std::string(kId) +
                                 ", or was changed since: 2 photos were sent, and it has 3"));
}

TEST_F(TrainingReportTest, RefusesAFolderWithOtherPhotosOrNames) {
  WriteFile(images_ + "/alice/2.jpg", "other");
  EXPECT_THAT(Report().err, HasSubstr("other ones or under other names"));
  WriteFile(images_ + "/alice/2.jpg", "two");
  std::filesystem::rename(images_ + "/alice", images_ + "/alicia");
  EXPECT_THAT(Report().err, HasSubstr("other ones or under other names"));
}

TEST_F(TrainingReportTest, WaitsForNoTrainingThatGoesOn) {
  training_.set_state(v1::TRAINING_STATE_RUNNING);
  EXPECT_THAT(Report().err, HasSubstr("is running; `likeness trainings watch " + std::string(kId)));
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
