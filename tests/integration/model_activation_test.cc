// Changing the model of a server that answers calls.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/model_client.h"
#include "client/operation_client.h"
#include "server/inference/archive.h"
#include "server/models/model_folder.h"
#include "server/seal/seal.h"
#include "tests/integration/photos.h"
#include "tests/integration/server_process.h"
#include "tests/support/headed_bundle.h"

namespace likeness {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kBaseBundle[] = LIKENESS_MODELS_DIR "/mobilefacenet-192.pt";
constexpr char kOtherBundle[] = LIKENESS_MODELS_DIR "/mobilefacenet-512.pt";
constexpr double kSameDistance = 1e-6;

class ModelActivationTest : public testing::Test {
 protected:
  // Puts a second model beside the gallery, as a training would.
  void SetUp() override {
    const auto archive = Archive::Open(kOtherBundle, Device{});
    ASSERT_TRUE(archive.ok()) << archive.status();
    const auto models = ModelFolder::Open(folder_.path() + "/gallery.db.models", ModelEntry{});
    ASSERT_TRUE(models.ok()) << models.status();
    const auto added = (*models)->Add(ReadFile(kOtherBundle), archive->manifest(), "training", absl::Now());
    ASSERT_TRUE(added.ok()) << added.status();
    other_ = added->digest.Hex();
    other_path_ = added->path;
  }

  void Start(std::vector<std::string> flags = {}) {
    auto started = ServerProcess::Start({.folder = folder_.path(), .flags = std::move(flags)});
    ASSERT_TRUE(started.ok()) << started.status();
    server_ = *std::move(started);
    client_ = std::make_unique<Client>(Client::Options{.target = server_->target()});
    models_ = std::make_unique<ModelClient>(ModelClient::Options{.target = server_->target()});
    operations_ = std::make_unique<OperationClient>(OperationClient::Options{.target = server_->target()});
    if (base_.empty()) base_ = ActiveDigest();
    v1::AllowModelRequest allow;
    allow.set_digest(other_);
    models_->AllowModel(allow).IgnoreError();  // tests that damage its file see that elsewhere
  }

  std::string ActiveDigest() {
    const auto listed = models_->ListModels({});
    EXPECT_TRUE(listed.ok()) << listed.status();
    EXPECT_TRUE(listed->models(0).active());
    return listed->models(0).model().digest();
  }

  void Enrol(const std::string& person, const std::string& photo) {
    v1::EnrollRequest request;
    request.set_person_id(person);
    request.add_photos(Photo(photo));
    const auto response = client_->Enroll(request);
    ASSERT_TRUE(response.ok()) << response.status();
  }

  absl::StatusOr<v1::VerifyResponse> Verify(const std::string& person, const std::string& photo) {
    v1::VerifyRequest request;
    request.set_person_id(person);
    request.set_photo(Photo(photo));
    return client_->Verify(request);
  }

  absl::StatusOr<v1::ActivateModelResponse> Activate(const std::string& digest, bool leave_behind = false) {
    v1::ActivateModelRequest request;
    request.set_digest(digest);
    request.set_leave_behind(leave_behind);
    return models_->ActivateModel(request, [this](const v1::ActivateModelResponse& now) { last_ = now; });
  }

  // So many that their embedding takes a while.
  void EnrolMany() {
    constexpr int kPersons = 8, kPhotosEach = 16;
    v1::EnrollRequest request;
    for (int photo = 0; photo < kPhotosEach; ++photo) request.add_photos(Photo("cage2_crop.jpg"));
    for (int person = 0; person < kPersons; ++person) {
      request.set_person_id(absl::StrCat("cage-", person));
      const auto response = client_->Enroll(request);
      ASSERT_TRUE(response.ok()) << response.status();
    }
  }

  // Begins to activate the other model, and leaves in the middle of it; returns the operation.
  std::string BeginActivation() {
    v1::ActivateModelRequest request;
    request.set_digest(other_);
    std::stop_source stop;
    v1::ActivateModelResponse last;
    const auto left = models_->ActivateModel(
        request,
        [&](const v1::ActivateModelResponse& now) {
          last = now;
          if (!now.operation().empty() && now.embedded_references() > 0) stop.request_stop();
        },
        stop.get_token());
    EXPECT_FALSE(left.ok()) << "it was over before it could be interrupted";
    EXPECT_LT(last.embedded_references(), last.total_references());
    return last.operation();
  }

  // Until the activation that was interrupted has succeeded.
  void AwaitResumed(const std::string& operation) {
    std::stop_source stop;
    const absl::Time start = absl::Now();
    const auto give_up = [&](const v1::Operation&) {
      if (absl::Now() - start > absl::Seconds(180)) stop.request_stop();
    };
    const auto ended = operations_->Await(operation, give_up, stop.get_token());
    ASSERT_TRUE(ended.ok()) << "nobody has gone on with it: " << ended.status();
    EXPECT_FALSE(ended->has_error()) << ended->error().message();
    EXPECT_THAT(server_->Log(), HasSubstr("activation_resumed"));
    EXPECT_EQ(ActiveDigest(), other_);
    const auto verified = Verify("cage-0", "cage2_crop.jpg");
    ASSERT_TRUE(verified.ok()) << verified.status();
    EXPECT_EQ(verified->model().digest(), other_);
  }

  TemporaryFolder folder_;
  std::string base_, other_, other_path_;
  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<Client> client_;
  std::unique_ptr<ModelClient> models_;
  std::unique_ptr<OperationClient> operations_;
  v1::ActivateModelResponse last_;
};

TEST_F(ModelActivationTest, TwentyActivationsUnderLoadFailNoCallAndEveryAnswerNamesItsModel) {
  Start();
  Enrol("cage", "cage.jpg");
  Enrol("audrey", "audrey.jpg");
  // What each model says of the same photo.
  std::map<std::string, v1::VerifyResponse> expected;
  for (const std::string& digest : {base_, other_, base_}) {
    const auto activated = Activate(digest);
    ASSERT_TRUE(activated.ok()) << activated.status();
    EXPECT_TRUE(activated->active());
    EXPECT_EQ(activated->embedded_references(), activated->total_references());
    const auto response = Verify("cage", "cage2_crop.jpg");
    ASSERT_TRUE(response.ok()) << response.status();
    ASSERT_EQ(response->model().digest(), digest);
    EXPECT_TRUE(response->verified());
    expected[digest] = *response;
  }
  ASSERT_GT(std::abs(expected[base_].distance() - expected[other_].distance()), 100 * kSameDistance);

  std::atomic<bool> stop = false;
  std::atomic<int> answers = 0;
  std::map<std::string, std::atomic<int>> answered_by;
  answered_by[base_] = answered_by[other_] = 0;
  std::vector<std::thread> callers;
  for (int i = 0; i < 2; ++i) {
    callers.emplace_back([&] {
      while (!stop) {
        const auto response = Verify("cage", "cage2_crop.jpg");
        ASSERT_TRUE(response.ok()) << response.status();
        const v1::VerifyResponse& right = expected.at(response->model().digest());
        ASSERT_NEAR(response->distance(), right.distance(), kSameDistance);
        ASSERT_EQ(response->threshold().distance(), right.threshold().distance());
        ++answered_by.at(response->model().digest());
        ++answers;
      }
    });
  }
  std::thread enroller([&] {
    for (int i = 0; !stop; ++i) {
      const std::string person = absl::StrCat("new-", i);
      Enrol(person, "obama4_crop.jpg");
      const auto response = Verify(person, "obama4_crop.jpg");
      ASSERT_TRUE(response.ok()) << "enrolled, and forgotten by an activation: " << response.status();
      ASSERT_TRUE(response->verified());
      absl::SleepFor(absl::Milliseconds(30));
    }
  });
  for (int i = 0; i < 20; ++i) {
    const auto activated = Activate(i % 2 == 0 ? other_ : base_);
    ASSERT_TRUE(activated.ok()) << activated.status();
    const int until = answers + 4;  // each of them answers for a while
    while (answers < until && !HasFailure()) std::this_thread::yield();
  }
  stop = true;
  for (std::thread& caller : callers) caller.join();
  enroller.join();
  EXPECT_GT(answered_by.at(base_), 0);
  EXPECT_GT(answered_by.at(other_), 0);
}

TEST_F(ModelActivationTest, TheChoiceOutlivesTheServer) {
  Start();
  Enrol("cage", "cage.jpg");
  ASSERT_TRUE(Activate(other_).ok());
  server_->Kill();
  Start();
  EXPECT_EQ(ActiveDigest(), other_);
  const auto response = Verify("cage", "cage2_crop.jpg");
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->model().digest(), other_);
}

// Nobody asks for it a second time.
TEST_F(ModelActivationTest, AnActivationThatAKillInterruptsIsFinishedAfterTheRestart) {
  Start({"--duplicates=off"});
  EnrolMany();
  const std::string operation = BeginActivation();
  server_->Kill();
  Start({"--duplicates=off"});
  ASSERT_TRUE(Verify("cage-0", "cage2_crop.jpg").ok()) << "somebody answers, whichever model it is";
  AwaitResumed(operation);
}

// However much of it is left: a stop that waited for the whole gallery would be ended by the service manager.
TEST_F(ModelActivationTest, AStopEndsAnActivationInGoodOrderAndTheNextStartGoesOnWithIt) {
  Start({"--duplicates=off"});
  EnrolMany();
  const std::string operation = BeginActivation();
  server_->Terminate();
  EXPECT_EQ(server_->Wait(), 0) << server_->Log();
  Start({"--duplicates=off"});
  AwaitResumed(operation);
}

TEST_F(ModelActivationTest, AnActivationThatIsCancelledLeavesTheModelSoFar) {
  Start({"--duplicates=off"});
  EnrolMany();
  const std::string operation = BeginActivation();
  v1::CancelOperationRequest cancel;
  cancel.set_name(operation);
  ASSERT_TRUE(operations_->CancelOperation(cancel).ok());
  const auto ended = operations_->Await(operation, nullptr);
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_EQ(ended->error().reason(), "CANCELLED");
  EXPECT_EQ(ActiveDigest(), base_);
  cancel.set_name("no name");
  EXPECT_EQ(ErrorReasonOf(operations_->CancelOperation(cancel).status()), "FIELD_INVALID");
  cancel.set_name(std::string(32, '0'));
  EXPECT_EQ(ErrorReasonOf(operations_->CancelOperation(cancel).status()), "OPERATION_NOT_FOUND");
  ASSERT_TRUE(Activate(other_).ok()) << "the next one may begin";
}

TEST_F(ModelActivationTest, WithoutCropsItSaysWhoMustEnrolAgainAndRefuses) {
  Start({"--retain-crops=false"});
  Enrol("cage", "cage.jpg");
  EXPECT_EQ(ErrorReasonOf(Activate(other_).status()), "REFERENCES_WITHOUT_CROP");
  EXPECT_THAT(last_.persons_left_behind(), ElementsAre("cage"));
  EXPECT_EQ(last_.references_without_crop(), 1);
  EXPECT_EQ(ActiveDigest(), base_);

  ASSERT_TRUE(Activate(other_, /*leave_behind=*/true).ok());
  EXPECT_EQ(ErrorReasonOf(Verify("cage", "cage2_crop.jpg").status()), "MODEL_MISMATCH");
  Enrol("cage", "cage.jpg");
  EXPECT_TRUE(Verify("cage", "cage2_crop.jpg")->verified());
  ASSERT_TRUE(Activate(base_, /*leave_behind=*/true).ok()) << "the way back";
  EXPECT_TRUE(Verify("cage", "cage2_crop.jpg")->verified());
}

// A model with a linear layer more makes its embeddings of those that are stored, and the way back does so, too.
TEST_F(ModelActivationTest, WithoutCropsALayerMoreOrLessLeavesNobodyBehind) {
  const auto headed = PutHeadBehind(kBaseBundle, AnyHead(192));
  ASSERT_TRUE(headed.ok()) << headed.status();
  const auto models = ModelFolder::Open(folder_.path() + "/gallery.db.models", ModelEntry{});
  const auto added = (*models)->Add(headed->bytes, headed->manifest, "", absl::Now());
  ASSERT_TRUE(added.ok()) << added.status();
  const std::string headed_digest = added->digest.Hex();
  Start({"--retain-crops=false"});
  Enrol("cage", "cage.jpg");
  v1::AllowModelRequest allow;
  allow.set_digest(headed_digest);
  ASSERT_TRUE(models_->AllowModel(allow).ok());

  // What the networks themselves say of two photos.
  const auto distance_by_the_networks = [&] {
    v1::CompareRequest request;
    request.set_photo_a(Photo("cage.jpg"));
    request.set_photo_b(Photo("cage2_crop.jpg"));
    const auto compared = client_->Compare(request);
    EXPECT_TRUE(compared.ok()) << compared.status();
    return compared.ok() ? compared->distance() : NAN;
  };
  const double plain_distance = distance_by_the_networks();

  auto activated = Activate(headed_digest);
  ASSERT_TRUE(activated.ok()) << activated.status();
  EXPECT_EQ(activated->embedded_references(), 1);
  EXPECT_EQ(activated->references_without_crop(), 0);
  EXPECT_THAT(last_.persons_left_behind(), testing::IsEmpty());
  const double headed_distance = distance_by_the_networks();
  ASSERT_GT(std::abs(headed_distance - plain_distance), 0.01) << "the layer does nothing";
  auto verified = Verify("cage", "cage2_crop.jpg");
  ASSERT_TRUE(verified.ok()) << verified.status();
  EXPECT_EQ(verified->model().digest(), headed_digest);
  EXPECT_NEAR(verified->distance(), headed_distance, 1e-4);

  Enrol("audrey", "audrey.jpg");  // by the model with the layer alone
  const auto audrey = Verify("audrey", "cage.jpg");
  ASSERT_TRUE(audrey.ok()) << audrey.status();
  activated = Activate(base_);
  ASSERT_TRUE(activated.ok()) << activated.status();
  EXPECT_EQ(activated->embedded_references(), 2);
  verified = Verify("cage", "cage2_crop.jpg");
  ASSERT_TRUE(verified.ok()) << verified.status();
  EXPECT_NEAR(verified->distance(), plain_distance, 1e-4);
  verified = Verify("audrey", "audrey.jpg");
  ASSERT_TRUE(verified.ok()) << verified.status();
  EXPECT_EQ(verified->model().digest(), base_);
  EXPECT_NEAR(verified->distance(), 0, 1e-3) << "the photo itself";
}

TEST_F(ModelActivationTest, ADamagedModelIsRefusedWithTheReason) {
  Start();
  std::string bundle = ReadFile(other_path_);
  bundle[bundle.size() / 2] = static_cast<char>(bundle[bundle.size() / 2] ^ 1);
  std::ofstream(other_path_, std::ios::binary) << bundle;
  EXPECT_FALSE(Activate(other_).ok());
  EXPECT_EQ(ErrorReasonOf(Activate(other_).status()), "MODEL_CORRUPT");
  EXPECT_EQ(ActiveDigest(), base_);
  v1::ExportModelRequest request;
  request.set_digest(other_);
  const absl::Status exported = models_->ExportModel(request, [](absl::string_view) { return absl::OkStatus(); });
  EXPECT_EQ(ErrorReasonOf(exported), "MODEL_CORRUPT");
}

constexpr char kOnePoint[] =
    R"({"operating_points": [{"fmr": 0.001, "distance": 0.5, "genuine_pairs": 30, "impostor_pairs": 50000,
        "people": 90, "source": "our door"}]})";

TEST_F(ModelActivationTest, NewMeasurementsMakeAModelThatDecidesByThemAndNeedsNoPermission) {
  Start();
  Enrol("cage", "cage.jpg");
  const auto before = Verify("cage", "cage2_crop.jpg");
  ASSERT_TRUE(before.ok()) << before.status();
  v1::AddMeasurementsRequest request;
  request.set_digest(base_);
  request.set_measurements(kOnePoint);
  const auto added = models_->AddMeasurements(request);
  ASSERT_TRUE(added.ok()) << added.status();
  EXPECT_EQ(models_->AddMeasurements(request)->model().digest(), added->model().digest()) << "the same once more";
  EXPECT_EQ(added->model().name(), before->model().name());
  EXPECT_EQ(added->model().version().rfind(before->model().version() + "+measured.", 0), 0u)
      << added->model().version();
  const auto activated = Activate(added->model().digest());
  ASSERT_TRUE(activated.ok()) << activated.status();
  const auto after = Verify("cage", "cage2_crop.jpg");
  ASSERT_TRUE(after.ok()) << after.status();
  EXPECT_EQ(after->model().digest(), added->model().digest());
  EXPECT_EQ(after->threshold().distance(), 0.5);
  EXPECT_NEAR(after->distance(), before->distance(), kSameDistance) << "the same network";
}

TEST_F(ModelActivationTest, MeasurementsThatAreNoneOrMoreThanMeasurementsMakeNoModel) {
  Start();
  v1::AddMeasurementsRequest request;
  request.set_digest(base_);
  for (const char* wrong : {"", "[]", R"({"margin": 9})", R"({"operating_points": [{"fmr": 2}]})",
                            R"({"calibration": {"offset": 1, "slope": 1}})"}) {
    request.set_measurements(wrong);
    EXPECT_EQ(ErrorReasonOf(models_->AddMeasurements(request).status()), "FIELD_INVALID") << wrong;
  }
  request.set_measurements(std::string((8 << 20) + 1, ' '));
  EXPECT_EQ(ErrorReasonOf(models_->AddMeasurements(request).status()), "FIELD_INVALID");
  request.set_measurements(kOnePoint);
  request.set_digest(std::string(64, '0'));
  EXPECT_EQ(ErrorReasonOf(models_->AddMeasurements(request).status()), "MODEL_NOT_FOUND");
  EXPECT_EQ(models_->ListModels({})->models_size(), 2);
}

// Else its copy with other measurements, which is allowed, would run the code that nobody allowed.
TEST_F(ModelActivationTest, AModelThatNobodyAllowedGetsNoMeasurements) {
  auto started = ServerProcess::Start({.folder = folder_.path(), .flags = {}});
  ASSERT_TRUE(started.ok()) << started.status();
  ModelClient models({.target = (*started)->target()});
  v1::AddMeasurementsRequest request;
  request.set_digest(other_);
  request.set_measurements(kOnePoint);
  EXPECT_EQ(ErrorReasonOf(models.AddMeasurements(request).status()), "MODEL_NOT_ALLOWED");
}

TEST_F(ModelActivationTest, ABundleThatWasPutIntoTheFolderIsListed) {
  Start();
  const std::string copy = absl::StrCat(folder_.path(), "/gallery.db.models/");
  const std::string article = LIKENESS_MODELS_DIR "/siamese-article.pt";
  const auto digest = VerifySeal(ReadFile(article));
  ASSERT_TRUE(digest.ok()) << digest.status();
  std::filesystem::copy_file(article, absl::StrCat(copy, digest->Hex(), ".pt"));
  std::ofstream(copy + std::string(64, 'a') + ".pt") << "half a file";
  const auto listed = models_->ListModels({});
  ASSERT_TRUE(listed.ok()) << listed.status();
  ASSERT_EQ(listed->models_size(), 3);
  EXPECT_EQ(listed->models(1).model().digest(), digest->Hex()) << "the newest";
  EXPECT_EQ(ErrorReasonOf(Activate(digest->Hex()).status()), "MODEL_NOT_ALLOWED");
}

TEST_F(ModelActivationTest, ExportsAndDeletesAModel) {
  Start();
  v1::ExportModelRequest request;
  request.set_digest(other_);
  std::string exported;
  const absl::Status status = models_->ExportModel(request, [&exported](absl::string_view piece) {
    absl::StrAppend(&exported, piece);
    return absl::OkStatus();
  });
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_TRUE(exported == ReadFile(kOtherBundle));

  v1::DeleteModelRequest remove;
  remove.set_digest(base_);
  EXPECT_EQ(ErrorReasonOf(models_->DeleteModel(remove).status()), "MODEL_IN_USE");
  remove.set_digest(other_);
  const auto removed = models_->DeleteModel(remove);
  ASSERT_TRUE(removed.ok()) << removed.status();
  EXPECT_GT(removed->revision(), 0);
  EXPECT_FALSE(std::filesystem::exists(other_path_));
  EXPECT_EQ(ErrorReasonOf(models_->DeleteModel(remove).status()), "MODEL_NOT_FOUND");
  EXPECT_EQ(ErrorReasonOf(Activate(other_).status()), "MODEL_NOT_FOUND");
  EXPECT_EQ(ErrorReasonOf(Activate("abc").status()), "FIELD_INVALID");
}

}  // namespace
}  // namespace likeness
