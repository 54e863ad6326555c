#include "client/training_client.h"

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/client/fake_server.h"

namespace likeness {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class TrainingClientTest : public ::testing::Test {
 protected:
  // Gives so many photos of one person.
  auto Photos(int count) {
    return [count, given = 0]() mutable -> absl::StatusOr<std::optional<v1::LabelledPhoto>> {
      if (given == count) return std::nullopt;
      v1::LabelledPhoto photo;
      photo.set_person("alice");
      photo.set_photo("photo " + std::to_string(given++));
      return photo;
    };
  }

  FakeServer server_;
  TrainingClient client_{{.target = server_.address(), .timeout = absl::Seconds(20)}};
};

TEST_F(TrainingClientTest, SendsTheConfigurationAndThenEachPhoto) {
  ReceivedTraining received;
  server_.trainings.train = [&](grpc::ServerContext&, auto& stream) {
    received = ReceiveTraining(stream);
    SendTraining(stream, TrainingIn(v1::TRAINING_STATE_QUEUED));
    SendTraining(stream, TrainingIn(v1::TRAINING_STATE_SUCCEEDED));
    return grpc::Status::OK;
  };
  v1::TrainingConfig config;
  config.set_epochs(3);
  std::vector<v1::TrainingState> states;
  const absl::StatusOr<v1::Training> training =
      client_.Train(config, {.next_photo = Photos(3), .on_training = [&](const v1::Training& now) {
                               states.push_back(now.state());
                               return true;
                             }});
  ASSERT_TRUE(training.ok()) << training.status();
  EXPECT_EQ(training->state(), v1::TRAINING_STATE_SUCCEEDED);
  EXPECT_THAT(states, ElementsAre(v1::TRAINING_STATE_QUEUED, v1::TRAINING_STATE_SUCCEEDED));
  EXPECT_EQ(received.config.epochs(), 3);
  ASSERT_EQ(received.photos.size(), 3u);
  EXPECT_EQ(received.photos[0].person(), "alice");
  EXPECT_EQ(received.photos[2].photo(), "photo 2");
}

// Each rejection is larger than what gRPC takes in flight: a server that could not get rid of them would stall.
TEST_F(TrainingClientTest, HearsOfRejectedPhotosWhileItSendsOthers) {
  server_.trainings.train = [](grpc::ServerContext&, auto& stream) {
    v1::TrainResponse rejection;
    rejection.mutable_rejected_photo()->set_message(std::string(1 << 20, 'x'));
    for (v1::TrainRequest request; stream.Read(&request);) {
      if (request.has_photo() && !stream.Write(rejection)) return grpc::Status::CANCELLED;
    }
    SendTraining(stream, TrainingIn(v1::TRAINING_STATE_FAILED));
    return grpc::Status::OK;
  };
  int rejected = 0;
  const absl::StatusOr<v1::Training> training = client_.Train(
      {}, {.next_photo = Photos(20), .on_rejected_photo = [&rejected](const v1::RejectedPhoto&) { ++rejected; }});
  ASSERT_TRUE(training.ok()) << training.status();
  EXPECT_EQ(training->state(), v1::TRAINING_STATE_FAILED);
  EXPECT_EQ(rejected, 20);
}

TEST_F(TrainingClientTest, AsksForAPhotoOnlyWhenTheOnesBeforeHaveLeft) {
  std::atomic<int> asked = 0;
  server_.trainings.train = [&](grpc::ServerContext&, auto& stream) {
    absl::SleepFor(absl::Milliseconds(300));
    EXPECT_LT(asked, 10);  // of 100 photos of 1 MiB
    ReceiveTraining(stream);
    SendTraining(stream, TrainingIn(v1::TRAINING_STATE_SUCCEEDED));
    return grpc::Status::OK;
  };
  const auto next = [&]() -> absl::StatusOr<std::optional<v1::LabelledPhoto>> {
    if (++asked > 100) return std::nullopt;
    v1::LabelledPhoto photo;
    photo.set_photo(std::string(1 << 20, 'x'));
    return photo;
  };
  EXPECT_TRUE(client_.Train({}, {.next_photo = next}).ok());
  EXPECT_EQ(asked, 101);
}

TEST_F(TrainingClientTest, EndsWithTheErrorOfThePhotos) {
  server_.trainings.train = [](grpc::ServerContext& context, auto& stream) {
    ReceiveTraining(stream);
    return AwaitGone(context);  // no end without the caller's
  };
  const absl::Status status =
      client_.Train({}, {.next_photo = [] { return absl::NotFoundError("cannot read a.jpg"); }}).status();
  EXPECT_EQ(status, absl::NotFoundError("cannot read a.jpg"));
}

TEST_F(TrainingClientTest, ReturnsTheServersErrorAndStopsSending) {
  server_.trainings.train = [](grpc::ServerContext&, auto&) {
    return ToGrpcStatus({grpc::StatusCode::INVALID_ARGUMENT, "FIELD_INVALID", "must be positive", "config.margin", {}});
  };
  const absl::Status status = client_.Train({}, {.next_photo = Photos(1 << 30)}).status();
  EXPECT_EQ(ErrorReasonOf(status), "FIELD_INVALID");
  EXPECT_EQ(ErrorFieldOf(status), "config.margin");
}

TEST_F(TrainingClientTest, LeavesATrainingThatItsListenerDoesNotWantToFollow) {
  server_.trainings.train = [](grpc::ServerContext& context, auto& stream) {
    ReceiveTraining(stream);
    SendTraining(stream, TrainingIn(v1::TRAINING_STATE_QUEUED));
    return AwaitGone(context);
  };
  const absl::StatusOr<v1::Training> training =
      client_.Train({}, {.next_photo = Photos(1), .on_training = [](const v1::Training&) { return false; }});
  ASSERT_TRUE(training.ok()) << training.status();
  EXPECT_EQ(training->state(), v1::TRAINING_STATE_QUEUED);
}

TEST_F(TrainingClientTest, EndsWhenItIsStopped) {
  server_.trainings.watch_training = [](grpc::ServerContext& context, auto&, auto&) { return AwaitGone(context); };
  std::stop_source stop;
  const std::jthread stopper([&stop] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    stop.request_stop();
  });
  EXPECT_EQ(client_.Watch("0123", {}, stop.get_token()).status().code(), absl::StatusCode::kCancelled);
}

TEST_F(TrainingClientTest, DoesNotTakeTheEndOfTheCallForTheEndOfTheTraining) {
  server_.trainings.watch_training = [](grpc::ServerContext&, const v1::WatchTrainingRequest& request, auto& writer) {
    EXPECT_EQ(request.training_id(), "0123");
    v1::WatchTrainingResponse response;
    *response.mutable_training() = TrainingIn(v1::TRAINING_STATE_RUNNING);
    writer.Write(response);
    return grpc::Status::OK;
  };
  const absl::Status status = client_.Watch("0123", {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr("before the training had ended"));
}

TEST_F(TrainingClientTest, SendsEachOtherCallToItsOwnMethod) {
  server_.trainings.get_training = [](const v1::GetTrainingRequest& request, v1::GetTrainingResponse* response) {
    response->mutable_training()->set_training_id(request.training_id());
    return grpc::Status::OK;
  };
  server_.trainings.list_trainings = [](const auto&, v1::ListTrainingsResponse* response) {
    response->add_trainings();
    return grpc::Status::OK;
  };
  server_.trainings.cancel_training = [](const auto&, v1::CancelTrainingResponse* response) {
    response->mutable_training()->set_state(v1::TRAINING_STATE_CANCELLED);
    return grpc::Status::OK;
  };
  v1::GetTrainingRequest request;
  request.set_training_id("0123");
  EXPECT_EQ(client_.GetTraining(request)->training().training_id(), "0123");
  EXPECT_EQ(client_.ListTrainings({})->trainings_size(), 1);
  EXPECT_TRUE(HasEnded(client_.CancelTraining({})->training()));
}

}  // namespace
}  // namespace likeness
