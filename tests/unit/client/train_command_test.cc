#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/support/files.h"
#include "tests/unit/client/cli_run.h"
#include "tests/unit/client/fake_server.h"
#include "tests/unit/client/made_up_training.h"

namespace likeness {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr char kId[] = "0123456789abcdef0123456789abcdef";

// A folder with alice/1.jpg, alice/2.jpg and bob/1.png, whose bytes are their names.
class TrainCommandTest : public ::testing::Test {
 protected:
  TrainCommandTest() {
    for (const std::string name : {"alice/1.jpg", "alice/2.jpg", "bob/1.png"}) {
      std::filesystem::create_directories(std::filesystem::path(folder_ + "/" + name).parent_path());
      WriteFile(folder_ + "/" + name, name);
    }
  }

  // The server takes all photos, and the training ends like this one.
  void AnswerTrain(const v1::Training& end) {
    server_.trainings.train = [this, end](grpc::ServerContext&, auto& stream) {
      received_ = ReceiveTraining(stream);
      SendTraining(stream, TrainingIn(v1::TRAINING_STATE_QUEUED));
      SendTraining(stream, end);
      return grpc::Status::OK;
    };
  }

  CliRun Train(const std::vector<std::string>& options = {}) {
    std::vector<std::string> arguments = {"train", folder_, "--server", server_.address()};
    arguments.insert(arguments.end(), options.begin(), options.end());
    return RunCli(arguments);
  }
  CliRun TrainWithReport(std::vector<std::string> options = {}) {
    options.insert(options.end(), {"--report", report_});
    return Train(options);
  }

  ReceivedTraining received_;
  FakeServer server_;
  const std::string folder_ = UniquePath("faces");
  const std::string report_ = UniquePath("report");
};

TEST_F(TrainCommandTest, SendsThePhotosInOrderAndWritesWhatCameOfThem) {
  AnswerTrain(MadeUpTraining());
  const CliRun run = TrainWithReport();
  EXPECT_EQ(run.exit_code, 0) << run.err;
  std::vector<std::string> photos;
  for (const v1::LabelledPhoto& photo : received_.photos) photos.push_back(photo.person() + " " + photo.photo());
  EXPECT_THAT(photos, ElementsAre("alice alice/1.jpg", "alice alice/2.jpg", "bob bob/1.png"));
  EXPECT_THAT(run.err, StartsWith("3 photos of 2 people; 0 other files ignored\nsending photos: 33 %, 1 of 3\n"));
  EXPECT_THAT(run.err, HasSubstr(std::string("training ") + kId + " is queued\nepoch 1 of 3: loss 0.5000"));
  EXPECT_THAT(run.out, StartsWith(std::string("training    ") + kId + ", succeeded\n"));
  EXPECT_THAT(run.out, HasSubstr("report      " + report_ + "/train-report.html\n"));
  EXPECT_THAT(ReadFile(report_ + "/train-report.html"), HasSubstr("alice/2.jpg"));
}

TEST_F(TrainCommandTest, LeavesWhatIsNotGivenToTheServer) {
  AnswerTrain(MadeUpTraining());
  TrainWithReport();
  EXPECT_EQ(received_.config.ByteSizeLong(), 0u) << received_.config.ShortDebugString();
}

TEST_F(TrainCommandTest, SendsItsOptions) {
  AnswerTrain(MadeUpTraining());
  const CliRun run = TrainWithReport({"--base-model",
                                      "siamese-article",
                                      "--margin",
                                      "1.5",
                                      "--epochs",
                                      "5",
                                      "--pairs-per-epoch",
                                      "640",
                                      "--batch-pairs",
                                      "32",
                                      "--learning-rate",
                                      "1e-3",
                                      "--distillation",
                                      "0.25",
                                      "--optimizer",
                                      "sgd",
                                      "--mirror",
                                      "--mine-hardest",
                                      "--seed",
                                      "18446744073709551615",
                                      "--held-out-share",
                                      "0",
                                      "--promotion",
                                      "never",
                                      "--method",
                                      "linear-head",
                                      "--head",
                                      "lda",
                                      "--name",
                                      "mine"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  const v1::TrainingConfig& config = received_.config;
  EXPECT_EQ(config.base_model(), "siamese-article");
  EXPECT_EQ(config.margin(), 1.5);
  EXPECT_EQ(config.epochs(), 5);
  EXPECT_EQ(config.pairs_per_epoch(), 640);
  EXPECT_EQ(config.batch_pairs(), 32);
  EXPECT_EQ(config.learning_rate(), 1e-3);
  EXPECT_EQ(config.distillation(), 0.25);
  EXPECT_EQ(config.optimizer(), v1::OPTIMIZER_SGD);
  EXPECT_TRUE(config.mirror());
  EXPECT_TRUE(config.mine_hardest());
  EXPECT_EQ(config.seed(), 18446744073709551615u);
  EXPECT_TRUE(config.has_held_out_share());
  EXPECT_EQ(config.held_out_share(), 0);
  EXPECT_EQ(config.promotion_rule(), v1::PROMOTION_RULE_NEVER);
  EXPECT_EQ(config.method(), v1::TRAINING_METHOD_LINEAR_HEAD);
  EXPECT_EQ(config.head_method(), v1::HEAD_METHOD_LDA);
  EXPECT_EQ(config.name(), "mine");
}

TEST_F(TrainCommandTest, HoldsOutPeopleByName) {
  AnswerTrain(MadeUpTraining());
  EXPECT_EQ(TrainWithReport({"--held-out", "alice", "bob"}).exit_code, 0);
  EXPECT_THAT(received_.config.held_out_people(), ElementsAre("alice", "bob"));
  const CliRun run = TrainWithReport({"--held-out", "carol"});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(run.err, HasSubstr("--held-out carol has no folder in "));
}

TEST_F(TrainCommandTest, NamesRejectedPhotosByTheirFiles) {
  server_.trainings.train = [](grpc::ServerContext&, auto& stream) {
    ReceiveTraining(stream);
    v1::TrainResponse response;
    response.mutable_rejected_photo()->set_photo_index(1);
    response.mutable_rejected_photo()->set_reason("FACE_NOT_FOUND");
    response.mutable_rejected_photo()->set_message("no face was found");
    stream.Write(response);
    SendTraining(stream, MadeUpTraining());
    return grpc::Status::OK;
  };
  const CliRun run = TrainWithReport();
  EXPECT_THAT(run.err, HasSubstr("rejected alice/2.jpg: FACE_NOT_FOUND: no face was found\n"));
  EXPECT_THAT(ReadFile(report_ + "/train-report.html"), HasSubstr("<td>alice/2.jpg</td><td>FACE_NOT_FOUND</td>"));
}

TEST_F(TrainCommandTest, NamesBadPhotosByTheirFilesBeforeTheTrainingBegins) {
  v1::Training training = TrainingIn(v1::TRAINING_STATE_RUNNING);
  v1::PhotoFinding& finding = *training.mutable_data()->add_findings();
  finding.set_kind(v1::PHOTO_FINDING_KIND_DUPLICATE);
  finding.add_photos(1);
  finding.add_compared_with(0);
  finding.set_distance(0.05);
  finding.set_left_out(true);
  v1::Training end = MadeUpTraining();
  *end.mutable_data() = training.data();
  end.mutable_data()->set_left_out_photos(1);
  server_.trainings.train = [&](grpc::ServerContext&, auto& stream) {
    ReceiveTraining(stream);
    SendTraining(stream, training);
    SendTraining(stream, training);
    SendTraining(stream, end);
    return grpc::Status::OK;
  };
  const CliRun run = TrainWithReport();
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const std::string line = "left out alice/2.jpg: nearly the same photo as alice/1.jpg (distance 0.05)";
  EXPECT_THAT(run.err, HasSubstr(" is running\n" + line + "\nepoch 1 of 3"));
  EXPECT_THAT(run.out, HasSubstr("rejected, 1 left out; "));
  EXPECT_THAT(ReadFile(report_ + "/train-report.html"), HasSubstr("<li>" + line + "</li>"));
}

TEST_F(TrainCommandTest, ExitsWithOneWhenTheTrainingFails) {
  v1::Training failed = TrainingIn(v1::TRAINING_STATE_FAILED);
  failed.mutable_failure()->set_reason("LOSS_NOT_FINITE");
  failed.mutable_failure()->set_message("the loss is no longer a number");
  AnswerTrain(failed);
  const CliRun run = TrainWithReport();
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_THAT(run.out, HasSubstr("failure     LOSS_NOT_FINITE: the loss is no longer a number\n"));
}

TEST_F(TrainCommandTest, WritesTheTrainingAsOneLineOfJson) {
  AnswerTrain(MadeUpTraining());
  const CliRun run = TrainWithReport({"--json"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(run.err, "");
  const json training = json::parse(run.out);
  EXPECT_EQ(training["training_id"], kId);
  EXPECT_EQ(training["epochs"].size(), 3u);
}

TEST_F(TrainCommandTest, ReturnsWhenTheTrainingIsQueuedIfItIsToDetach) {
  server_.trainings.train = [](grpc::ServerContext& context, auto& stream) {
    ReceiveTraining(stream);
    SendTraining(stream, TrainingIn(v1::TRAINING_STATE_QUEUED));
    return AwaitGone(context);
  };
  const CliRun run = Train({"--detach"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, StartsWith(std::string("training ") + kId + " is queued: `likeness trainings watch " + kId));
  EXPECT_EQ(json::parse(Train({"--detach", "--json"}).out)["state"], "TRAINING_STATE_QUEUED");
  EXPECT_FALSE(std::filesystem::exists("likeness-train-report"));
}

TEST_F(TrainCommandTest, LeavesTheTrainingAtCtrlCAndSaysHowToComeBack) {
  server_.trainings.train = [](grpc::ServerContext& context, auto& stream) {
    ReceiveTraining(stream);
    SendTraining(stream, TrainingIn(v1::TRAINING_STATE_RUNNING));
    InterruptOnceHeard();
    return AwaitGone(context);
  };
  server_.trainings.cancel_training = [](const auto&, auto*) {
    ADD_FAILURE() << "cancelled the training";
    return grpc::Status::OK;
  };
  const CliRun run = TrainWithReport();
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(run.err, HasSubstr(std::string("error: INTERRUPTED: training ") + kId + " goes on without this command"));
  EXPECT_THAT(run.err, HasSubstr(std::string("likeness trainings cancel ") + kId));
  EXPECT_FALSE(std::filesystem::exists(report_));
}

TEST_F(TrainCommandTest, SaysAtCtrlCThatItIsNotKnownWhetherTheTrainingBegan) {
  server_.trainings.train = [](grpc::ServerContext& context, auto& stream) {
    ReceiveTraining(stream);
    std::raise(SIGINT);
    return AwaitGone(context);
  };
  EXPECT_THAT(TrainWithReport().err, HasSubstr("error: INTERRUPTED: all photos were sent, but not whether"));
}

TEST_F(TrainCommandTest, SaysHowToComeBackWhenTheServerIsLost) {
  server_.trainings.train = [](grpc::ServerContext&, auto& stream) {
    ReceiveTraining(stream);
    SendTraining(stream, TrainingIn(v1::TRAINING_STATE_RUNNING));
    return ToGrpcStatus({grpc::StatusCode::UNAVAILABLE, "SHUTTING_DOWN", "the server is shutting down", "", {}});
  };
  const CliRun run = TrainWithReport();
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(run.err, HasSubstr("error: SHUTTING_DOWN: the server is shutting down; training "));
  EXPECT_THAT(run.err, HasSubstr(std::string("likeness trainings watch ") + kId));
}

TEST_F(TrainCommandTest, WritesTheServersReason) {
  server_.trainings.train = [](grpc::ServerContext&, auto& stream) {
    ReceiveTraining(stream);
    return ToGrpcStatus({grpc::StatusCode::INVALID_ARGUMENT, "TRAINING_DATA_TOO_SMALL", "too few people", "", {}});
  };
  const CliRun run = TrainWithReport();
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(run.err, HasSubstr("error: TRAINING_DATA_TOO_SMALL: too few people\n"));
}

TEST_F(TrainCommandTest, PrintsTheResultEvenWhenTheReportCannotBeWritten) {
  AnswerTrain(MadeUpTraining());
  const CliRun run = Train({"--report", folder_ + "/alice/1.jpg"});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(run.out, StartsWith("training    "));
  EXPECT_THAT(run.err, HasSubstr("error: FAILED_PRECONDITION: "));
}

TEST_F(TrainCommandTest, ExitsWithTwoForBadUsage) {
  const std::vector<std::vector<std::string>> cases = {
      {"--margin", "0"},
      {"--margin", "inf"},
      {"--epochs", "0"},
      {"--epochs", "10001"},
      {"--batch-pairs", "1"},
      {"--pairs-per-epoch", "0"},
      {"--optimizer", "lbfgs"},
      {"--learning-rate", "-1"},
      {"--held-out-share", "0.95"},
      {"--promotion", "maybe"},
      {"--method", "deep"},
      {"--head", "bald"},
      {"--seed", "-1"},
      {"--detach", "--report", "folder"},
      {"--held-out-share", "0.5", "--held-out", "alice"},
  };
  for (const std::vector<std::string>& options : cases) {
    SCOPED_TRACE(testing::PrintToString(options));
    const CliRun run = Train(options);
    EXPECT_EQ(run.exit_code, 2);
    EXPECT_THAT(run.err, StartsWith("error: USAGE: "));
  }
  EXPECT_THAT(RunCli({"train"}).err, StartsWith("error: USAGE: "));
}

TEST_F(TrainCommandTest, RefusesAFolderThatIsNoneOrHasNoPeople) {
  EXPECT_THAT(RunCli({"train", "/no-such-folder"}).err, StartsWith("error: NOT_FOUND: cannot read /no-such-folder"));
  EXPECT_THAT(RunCli({"train", folder_ + "/alice"}).err, HasSubstr("has no folder of a person"));
}

}  // namespace
}  // namespace likeness
