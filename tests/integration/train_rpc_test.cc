// Training through the real server: what it makes, what it refuses, and what a kill or a cancellation leaves.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/model_client.h"
#include "client/training_client.h"
#include "tests/integration/photos.h"
#include "tests/integration/server_process.h"

namespace likeness {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

using Photos = std::vector<std::pair<std::string, std::string>>;  // person and photo

// Five people, three of whom stay when two are held out.
Photos FivePeople() {
  return {{"franck", "franck_01829.jpg"}, {"franck", "franck_02221.jpg"},    {"franck", "franck_04117.jpg"},
          {"cage", "cage.jpg"},           {"cage", "cage2_crop.jpg"},        {"audrey", "audrey.jpg"},
          {"audrey", "audrey_crop.jpg"},  {"bieber", "bieber_small.jpg"},    {"bieber", "Justin-Bieber2_crop.jpg"},
          {"connery", "SeanConnery.jpg"}, {"connery", "sean_guru2_crop.jpg"}};
}

// Seconds of work.
v1::TrainingConfig Small(int epochs = 2) {
  v1::TrainingConfig config;
  config.set_epochs(epochs);
  config.set_pairs_per_epoch(8);
  config.set_batch_pairs(4);
  config.set_learning_rate(1e-4);
  config.set_seed(7);
  config.add_held_out_people("bieber");
  config.add_held_out_people("connery");
  config.set_promotion_rule(v1::PROMOTION_RULE_NEVER);
  return config;
}

// A binary PGM with 40 more pixels on each side, for faces that fill their pictures.
std::string PaddedPgm(const std::string& pgm) {
  std::istringstream stream(pgm);
  std::string magic;
  int width = 0, height = 0, most = 0;
  stream >> magic >> width >> height >> most;
  stream.get();
  const std::string pixels = pgm.substr(static_cast<size_t>(stream.tellg()));
  constexpr int kBorder = 40;
  std::string padded = absl::StrCat("P5 ", width + 2 * kBorder, " ", height + 2 * kBorder, " 255\n");
  for (int y = -kBorder; y < height + kBorder; ++y) {
    for (int x = -kBorder; x < width + kBorder; ++x) {
      const int row = std::clamp(y, 0, height - 1);
      const int column = std::clamp(x, 0, width - 1);
      padded.push_back(pixels[static_cast<size_t>(row * width + column)]);
    }
  }
  return padded;
}

class TrainingTest : public testing::Test {
 protected:
  void Start(std::vector<std::string> flags = {}) {
    auto started = ServerProcess::Start({.folder = folder_.path(), .flags = std::move(flags)});
    ASSERT_TRUE(started.ok()) << started.status();
    server_ = *std::move(started);
    client_ = std::make_unique<Client>(Client::Options{.target = server_->target()});
    models_ = std::make_unique<ModelClient>(ModelClient::Options{.target = server_->target()});
    trainings_ = std::make_unique<TrainingClient>(TrainingClient::Options{.target = server_->target()});
  }

  // Trains until it has ended, or until `go_on` says no.
  absl::StatusOr<v1::Training> Train(
      const v1::TrainingConfig& config, const Photos& photos,
      const std::function<bool(const v1::Training&)>& go_on = [](const v1::Training&) { return true; }) {
    rejected_.clear();
    size_t next = 0;
    return trainings_->Train(config, {.next_photo = [&]() -> absl::StatusOr<std::optional<v1::LabelledPhoto>> {
                                        if (next == photos.size()) return std::nullopt;
                                        v1::LabelledPhoto photo;
                                        photo.set_person(photos[next].first);
                                        photo.set_photo(Bytes(photos[next].second));
                                        ++next;
                                        return photo;
                                      },
                                      .on_rejected_photo =
                                          [this](const v1::RejectedPhoto& photo) {
                                            rejected_.emplace_back(photo.photo_index(), photo.reason());
                                          },
                                      .on_training = go_on});
  }

  static std::string Bytes(const std::string& photo) { return absl::EndsWith(photo, ".jpg") ? Photo(photo) : photo; }

  std::string ReasonOfTraining(const v1::TrainingConfig& config, const Photos& photos) {
    return ErrorReasonOf(Train(config, photos).status());
  }

  v1::Training Get(const std::string& id) {
    v1::GetTrainingRequest request;
    request.set_training_id(id);
    const auto response = trainings_->GetTraining(request);
    EXPECT_TRUE(response.ok()) << response.status();
    return response.ok() ? response->training() : v1::Training();
  }

  // Returns once it has ended.
  absl::StatusOr<v1::Training> Cancel(const std::string& id) {
    v1::CancelTrainingRequest request;
    request.set_training_id(id);
    if (const auto noted = trainings_->CancelTraining(request); !noted.ok()) return noted.status();
    return trainings_->Watch(id, [](const v1::Training&) { return true; });
  }

  std::string ActiveDigest() { return models_->ListModels({})->models(0).model().digest(); }

  // The names of all files below the models folder, but for the lock that a server holds.
  std::vector<std::string> FilesOfTrainings() const {
    std::vector<std::string> names;
    for (const auto& file : std::filesystem::recursive_directory_iterator(folder_.path() + "/gallery.db.models")) {
      if (file.is_regular_file() && file.path().extension() != ".lock")
        names.push_back(file.path().filename().string());
    }
    return names;
  }

  TemporaryFolder folder_;
  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<Client> client_;
  std::unique_ptr<ModelClient> models_;
  std::unique_ptr<TrainingClient> trainings_;
  std::vector<std::pair<int, std::string>> rejected_;
};

TEST_F(TrainingTest, MakesAModelAndReportsHowItLearned) {
  Start();
  Photos photos = FivePeople();
  photos.insert(photos.begin() + 2, {"franck", "ironman.jpg"});
  photos.push_back({"franck", "no photo at all"});
  photos.push_back({"single", "obama4_crop.jpg"});
  std::vector<int> steps;
  const auto training = Train(Small(), photos, [&](const v1::Training& now) {
    if (now.has_progress()) steps.push_back(now.progress().step());
    return true;
  });
  ASSERT_TRUE(training.ok()) << training.status();
  ASSERT_EQ(training->state(), v1::TRAINING_STATE_SUCCEEDED) << training->failure().message();
  EXPECT_THAT(rejected_, ElementsAre(std::pair(2, "FACE_NOT_FOUND"), std::pair(12, "PHOTO_FORMAT_UNSUPPORTED")));
  EXPECT_EQ(training->data().accepted_photos(), 11);
  EXPECT_EQ(training->data().left_out_photos(), 1) << "one of Audrey's is the middle of the other";
  EXPECT_EQ(training->data().rejected_photos(), 2);
  EXPECT_EQ(training->data().people(), 4);
  EXPECT_EQ(training->data().strangers(), 2);
  EXPECT_EQ(training->data().people_with_one_photo(), 2);
  EXPECT_THAT(steps, SizeIs(testing::Ge(2)));
  ASSERT_THAT(training->epochs(), SizeIs(2));
  EXPECT_GT(training->epochs(0).loss(), 0);
  EXPECT_GT(training->epochs(0).mean_impostor_distance(), training->epochs(0).mean_genuine_distance());
  EXPECT_GT(training->epochs(0).photos_per_second(), 0);
  for (const v1::Evaluation& evaluation : {training->before(), training->after()}) {
    EXPECT_EQ(evaluation.genuine_pairs(), 2);
    EXPECT_EQ(evaluation.impostor_pairs(), 4);
    EXPECT_THAT(evaluation.examples(), SizeIs(3));
    for (const v1::PairExample& example : evaluation.examples()) EXPECT_LT(example.photo_b(), 12) << "as it was sent";
  }
  EXPECT_NE(training->before().examples(0).distance(), training->after().examples(0).distance());
  EXPECT_THAT(training->config().held_out_people(), IsEmpty()) << "labels are not kept";
  EXPECT_FALSE(training->result().promoted());
  EXPECT_EQ(server_->Metric("likeness_training_epochs_total"), 2);
  EXPECT_EQ(server_->Metric("likeness_trainings_total{outcome=\"succeeded\"}"), 1);

  const auto listed = models_->ListModels({});
  ASSERT_TRUE(listed.ok()) << listed.status();
  ASSERT_THAT(listed->models(), SizeIs(2));
  EXPECT_TRUE(listed->models(0).active());
  EXPECT_EQ(listed->models(1).model().digest(), training->result().model().digest());
  EXPECT_EQ(listed->models(1).training_id(), training->training_id());
  EXPECT_EQ(listed->models(1).threshold().source(), v1::THRESHOLD_SOURCE_NOT_MEASURED) << "four pairs measure nothing";

  server_->Terminate();
  ASSERT_EQ(server_->Wait(), 0) << server_->Log();
  Start();
  EXPECT_EQ(Get(training->training_id()).SerializeAsString(), training->SerializeAsString());
}

// Not by a training that may always promote either: who trains has not said what shall decide.
TEST_F(TrainingTest, AModelThatNobodyMeasuredAnswersForThoseWhoWereEnrolledBeforeOnceSomebodyInsists) {
  Start({"--threshold=half-margin"});
  v1::EnrollRequest enroll;
  enroll.set_person_id("cage");
  enroll.add_photos(Photo("cage.jpg"));
  ASSERT_TRUE(client_->Enroll(enroll).ok());
  v1::TrainingConfig config = Small(1);
  config.set_promotion_rule(v1::PROMOTION_RULE_ALWAYS);
  config.set_name("ours");
  const auto training = Train(config, FivePeople());
  ASSERT_TRUE(training.ok()) << training.status();
  EXPECT_FALSE(training->result().promoted());
  EXPECT_THAT(training->result().promotion_reason(),
              testing::HasSubstr("that takes 10000 pairs of photos of different people"));
  EXPECT_NE(ActiveDigest(), training->result().model().digest());
  v1::ActivateModelRequest activate;
  activate.set_digest(training->result().model().digest());
  v1::ActivateModelResponse first;
  const auto keep_first = [&first](const v1::ActivateModelResponse& now) {
    if (!first.has_threshold_before()) first = now;
  };
  EXPECT_EQ(ErrorReasonOf(models_->ActivateModel(activate, keep_first).status()), "THRESHOLD_NOT_MEASURED");
  EXPECT_EQ(first.threshold_before().source(), v1::THRESHOLD_SOURCE_OPERATING_POINT);
  EXPECT_EQ(first.threshold_after().source(), v1::THRESHOLD_SOURCE_HALF_MARGIN);
  EXPECT_EQ(first.threshold_after().distance(), training->result().model().margin() / 2);
  activate.set_unmeasured(true);
  const auto activated = models_->ActivateModel(activate, keep_first);
  ASSERT_TRUE(activated.ok()) << activated.status();
  EXPECT_EQ(ActiveDigest(), training->result().model().digest());
  v1::VerifyRequest verify;
  verify.set_person_id("cage");
  verify.set_photo(Photo("cage2_crop.jpg"));
  const auto response = client_->Verify(verify);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->model().name(), "ours");
  EXPECT_EQ(response->model().digest(), training->result().model().digest());
}

TEST_F(TrainingTest, TooFewStrangersToMeasurePromoteNothing) {
  Start();
  v1::TrainingConfig config = Small(1);
  config.set_promotion_rule(v1::PROMOTION_RULE_IF_NOT_WORSE);
  const std::string active = ActiveDigest();
  const auto training = Train(config, FivePeople());
  ASSERT_TRUE(training.ok()) << training.status();
  EXPECT_EQ(training->state(), v1::TRAINING_STATE_SUCCEEDED);
  EXPECT_FALSE(training->result().promoted());
  EXPECT_NE(training->result().promotion_reason(), "");
  EXPECT_EQ(ActiveDigest(), active);
}

TEST_F(TrainingTest, BadInputGetsAReasonAndLeavesNothing) {
  Start({"--max-training-photos=11"});
  const Photos photos = FivePeople();
  const auto with = [](auto change) {
    v1::TrainingConfig config = Small(1);
    change(config);
    return config;
  };
  const std::vector<std::pair<v1::TrainingConfig, std::string>> table = {
      {with([](auto& c) { c.set_margin(-1); }), "FIELD_INVALID"},
      {with([](auto& c) { c.set_margin(std::numeric_limits<double>::quiet_NaN()); }), "FIELD_INVALID"},
      {with([](auto& c) { c.set_epochs(0); }), "FIELD_INVALID"},
      {with([](auto& c) { c.set_pairs_per_epoch(0); }), "FIELD_INVALID"},
      {with([](auto& c) { c.set_batch_pairs(1); }), "FIELD_INVALID"},
      {with([](auto& c) { c.set_learning_rate(0); }), "FIELD_INVALID"},
      {with([](auto& c) { c.set_held_out_share(0.95); }), "FIELD_INVALID"},
      {with([](auto& c) { c.set_method(static_cast<v1::TrainingMethod>(9)); }), "FIELD_INVALID"},
      {with([](auto& c) { c.set_name("a/b"); }), "FIELD_INVALID"},
      {with([](auto& c) { c.add_held_out_people("nobody"); }), "FIELD_INVALID"},
      {with([](auto& c) { c.set_base_model("no-such-bundle"); }), "MODEL_NOT_FOUND"},
      {with([](auto& c) { c.set_base_model("../models/mobilefacenet-192"); }), "MODEL_NOT_FOUND"},
      {with([](auto& c) { c.set_base_model(std::string(64, 'a')); }), "MODEL_NOT_FOUND"},
      {with([](auto& c) { c.set_base_model("face-finder"); }), "MODEL_CORRUPT"},
  };
  for (const auto& [config, reason] : table) {
    EXPECT_EQ(ReasonOfTraining(config, photos), reason) << config.ShortDebugString();
  }
  v1::TrainingConfig config = Small(1);
  config.clear_held_out_people();
  config.set_held_out_share(0);
  EXPECT_EQ(ReasonOfTraining(config, {}), "TRAINING_DATA_TOO_SMALL");
  EXPECT_EQ(ReasonOfTraining(config, {{"a", "no photo"}, {"b", "ironman.jpg"}}), "TRAINING_DATA_TOO_SMALL");
  EXPECT_EQ(ReasonOfTraining(config, {{"a", "cage.jpg"}, {"a", "cage2_crop.jpg"}}), "TRAINING_DATA_TOO_SMALL");
  EXPECT_EQ(ReasonOfTraining(config, {{"a", "cage.jpg"}, {"b", "audrey.jpg"}}), "TRAINING_DATA_TOO_SMALL");
  EXPECT_EQ(ReasonOfTraining(config, {{"", "cage.jpg"}}), "FIELD_INVALID");
  EXPECT_EQ(ReasonOfTraining(config, {{std::string(129, 'x'), "cage.jpg"}}), "FIELD_INVALID");
  Photos many = photos;
  many.push_back({"franck", "franck_01829.jpg"});
  EXPECT_EQ(ReasonOfTraining(config, many), "TRAINING_DATA_TOO_LARGE");

  // A stream that ends before the configuration, one that has it twice, and one that goes on with something else.
  const auto stub = v1::TrainingService::NewStub(server_->Connect());
  for (const std::vector<v1::TrainRequest>& messages :
       {std::vector<v1::TrainRequest>{}, std::vector<v1::TrainRequest>(1), std::vector<v1::TrainRequest>(2)}) {
    grpc::ClientContext context;
    const auto stream = stub->Train(&context);
    for (size_t i = 0; i < messages.size(); ++i) {
      v1::TrainRequest message = messages[i];
      if (messages.size() == 2) *message.mutable_config() = config;
      stream->Write(message);
    }
    stream->WritesDone();
    EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::INVALID_ARGUMENT) << messages.size();
  }
  EXPECT_THAT(trainings_->ListTrainings({})->trainings(), IsEmpty());
  EXPECT_THAT(FilesOfTrainings(), IsEmpty());
  EXPECT_THAT(models_->ListModels({})->models(), SizeIs(1));
}

TEST_F(TrainingTest, GoesOnWhenTheCallerLeavesAndCanBeWatched) {
  Start();
  const auto left = Train(Small(), FivePeople(), [](const v1::Training&) { return false; });
  ASSERT_TRUE(left.ok()) << left.status();
  ASSERT_NE(left->training_id(), "");
  const auto watched = trainings_->Watch(left->training_id(), [](const v1::Training&) { return true; });
  ASSERT_TRUE(watched.ok()) << watched.status();
  EXPECT_EQ(watched->state(), v1::TRAINING_STATE_SUCCEEDED);
  v1::GetTrainingRequest unknown;
  unknown.set_training_id("none");
  EXPECT_EQ(ErrorReasonOf(trainings_->GetTraining(unknown).status()), "TRAINING_NOT_FOUND");
}

TEST_F(TrainingTest, OthersWaitInABoundedQueue) {
  Start({"--max-queued-trainings=1"});
  const auto leave = [](const v1::Training&) { return false; };
  const auto first = Train(Small(200), FivePeople(), [](const v1::Training& now) {
    return now.state() == v1::TRAINING_STATE_QUEUED;  // leaves when it runs
  });
  ASSERT_TRUE(first.ok()) << first.status();
  const auto second = Train(Small(1), FivePeople(), leave);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(Get(second->training_id()).state(), v1::TRAINING_STATE_QUEUED);
  EXPECT_EQ(server_->Metric("likeness_trainings_running"), 1);
  EXPECT_EQ(server_->Metric("likeness_trainings_waiting"), 1);
  EXPECT_EQ(ReasonOfTraining(Small(1), FivePeople()), "OVERLOADED");
  for (const auto& training : {second, first}) {
    const auto cancelled = Cancel(training->training_id());
    ASSERT_TRUE(cancelled.ok()) << cancelled.status();
    EXPECT_EQ(cancelled->state(), v1::TRAINING_STATE_CANCELLED);
  }
  EXPECT_THAT(FilesOfTrainings(), ElementsAre("record", "record"));
  EXPECT_EQ(server_->Metric("likeness_trainings_running"), 0);
  EXPECT_EQ(server_->Metric("likeness_trainings_waiting"), 0);
  EXPECT_EQ(server_->Metric("likeness_trainings_total{outcome=\"cancelled\"}"), 2);
}

// The same losses to the last bit: the same pairs, the same weights.
TEST_F(TrainingTest, AKillInTheMiddleChangesNothingOfWhatComesOut) {
  Start();
  const auto straight = Train(Small(4), FivePeople());
  ASSERT_TRUE(straight.ok()) << straight.status();
  const auto killed = Train(Small(4), FivePeople(), [](const v1::Training& now) { return now.epochs_size() < 1; });
  ASSERT_TRUE(killed.ok()) << killed.status();
  server_->Kill();
  Start();
  const auto resumed = trainings_->Watch(killed->training_id(), [](const v1::Training&) { return true; });
  ASSERT_TRUE(resumed.ok()) << resumed.status();
  ASSERT_EQ(resumed->state(), v1::TRAINING_STATE_SUCCEEDED) << resumed->failure().message();
  ASSERT_EQ(resumed->epochs_size(), 4);
  for (int epoch = 0; epoch < 4; ++epoch) {
    EXPECT_EQ(resumed->epochs(epoch).loss(), straight->epochs(epoch).loss()) << epoch;
  }
  ASSERT_EQ(resumed->after().examples_size(), straight->after().examples_size());
  for (int i = 0; i < resumed->after().examples_size(); ++i) {
    EXPECT_EQ(resumed->after().examples(i).distance(), straight->after().examples(i).distance());
  }
}

// Labels dealt out at random teach nothing but harm: it must be measured, and refused.
TEST_F(TrainingTest, ShuffledLabelsAreNeverPromoted) {
  const std::string people = LIKENESS_DATA_DIR "/att-faces/train";
  if (!std::filesystem::exists(people)) GTEST_SKIP() << people << " is not there";
  Start();
  Photos photos;
  v1::TrainingConfig config;
  for (int person = 1; person <= 20; ++person) {
    const std::string folder = absl::StrCat(people, "/s", person);
    if (!std::filesystem::exists(folder)) continue;  // of the test set
    for (int number = 1; number <= 10; ++number) {
      const bool stranger = person > 8;
      // A hundred strangers' photos keep their labels; what is trained on has one of five at random.
      photos.emplace_back(
          stranger ? absl::StrCat("stranger-", person) : absl::StrCat("shuffled-", (person * 7 + number) % 5),
          PaddedPgm(ReadFile(absl::StrCat(folder, "/", number, ".pgm"))));
    }
    if (person > 8) config.add_held_out_people(absl::StrCat("stranger-", person));
  }
  config.set_epochs(3);
  config.set_pairs_per_epoch(24);
  config.set_batch_pairs(8);
  config.set_learning_rate(1e-3);
  const std::string active = ActiveDigest();
  const auto training = Train(config, photos);
  ASSERT_TRUE(training.ok()) << training.status();
  ASSERT_EQ(training->state(), v1::TRAINING_STATE_SUCCEEDED) << training->failure().message();
  EXPECT_THAT(rejected_, SizeIs(testing::Lt(10)));
  ASSERT_GT(training->after().equal_error_rate(), training->before().equal_error_rate()) << "it did harm";
  EXPECT_FALSE(training->result().promoted());
  EXPECT_EQ(ActiveDigest(), active);
}

TEST_F(TrainingTest, FiftyCancellationsAtAnyMomentLeaveNothingBehind) {
  Start();
  std::mt19937 random(3);
  const auto cancel_one = [&] {
    const auto begun = Train(Small(1000), FivePeople(), [](const v1::Training&) { return false; });
    ASSERT_TRUE(begun.ok()) << begun.status();
    absl::SleepFor(absl::Milliseconds(std::uniform_int_distribution<int>(0, 400)(random)));
    const auto cancelled = Cancel(begun->training_id());
    ASSERT_TRUE(cancelled.ok()) << cancelled.status();
    ASSERT_EQ(cancelled->state(), v1::TRAINING_STATE_CANCELLED);
  };
  for (int i = 0; i < 10; ++i) cancel_one();
  [[maybe_unused]] const double memory = server_->Metric("process_resident_memory_bytes");
  const double threads = server_->Metric("process_threads");
  const double files = server_->Metric("process_open_fds");
  for (int i = 0; i < 40; ++i) cancel_one();
#ifndef __SANITIZE_ADDRESS__  // which keeps what was freed
  // One training holds 5 MB of weights and three times as much beside them. The allocator's own wavering is far below
  // what forty of those would leave.
  EXPECT_LE(server_->Metric("process_resident_memory_bytes") - memory, 40 * 2e6);
#endif
  // A call or a scrape that is just ending may still hold one of each; forty trainings that left one would show.
  EXPECT_LT(server_->Metric("process_open_fds"), files + 10);
  EXPECT_LT(server_->Metric("process_threads"), threads + 10);
  EXPECT_THAT(FilesOfTrainings(), SizeIs(50)) << "the records";
  EXPECT_THAT(FilesOfTrainings(), testing::Each("record"));
  EXPECT_THAT(models_->ListModels({})->models(), SizeIs(1));
}

}  // namespace
}  // namespace likeness
