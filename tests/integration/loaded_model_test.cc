// What a server loads at its start, and what it says when that does not fit the gallery.
#include <SQLiteCpp/SQLiteCpp.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/model_client.h"
#include "server/seal/seal.h"
#include "tests/integration/photos.h"
#include "tests/integration/server_process.h"

namespace likeness {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr char kOtherModel[] = "mobilefacenet-512";
constexpr char kAnyBundle[] = LIKENESS_MODELS_DIR "/siamese-article.pt";
constexpr char kOtherBundle[] = LIKENESS_MODELS_DIR "/mobilefacenet-512.pt";

class LoadedModelTest : public testing::Test {
 protected:
  absl::Status Start(const std::string& model = "mobilefacenet-192", std::vector<std::string> flags = {}) {
    server_.reset();
    auto started = ServerProcess::Start({.folder = folder_.path(), .flags = std::move(flags), .model = model});
    if (!started.ok()) return started.status();
    server_ = *std::move(started);
    client_ = std::make_unique<Client>(Client::Options{.target = server_->target()});
    models_ = std::make_unique<ModelClient>(ModelClient::Options{.target = server_->target()});
    return absl::OkStatus();
  }

  void Stop() {
    server_->Terminate();
    EXPECT_EQ(server_->Wait(), 0);
  }

  void Enrol(const std::string& person) {
    v1::EnrollRequest request;
    request.set_person_id(person);
    request.add_photos(Photo("cage.jpg"));
    const auto response = client_->Enroll(request);
    ASSERT_TRUE(response.ok()) << response.status();
  }

  std::string WhyNotVerified(const std::string& person) {
    v1::VerifyRequest request;
    request.set_person_id(person);
    request.set_photo(Photo("cage2_crop.jpg"));
    return ErrorReasonOf(client_->Verify(request).status());
  }

  // Puts the other model beside the gallery, allows and activates it.
  void ActivateOther() {
    other_ = VerifySeal(ReadFile(kOtherBundle))->Hex();
    path_ = absl::StrCat(folder_.path(), "/gallery.db.models/", other_);
    std::filesystem::copy_file(kOtherBundle, path_ + ".pt");
    v1::AllowModelRequest allow;
    allow.set_digest(other_);
    ASSERT_TRUE(models_->AllowModel(allow).ok());
    v1::ActivateModelRequest request;
    request.set_digest(other_);
    const auto activated = models_->ActivateModel(request, [](const v1::ActivateModelResponse&) {});
    ASSERT_TRUE(activated.ok()) << activated.status();
  }

  // The .json file that a training writes beside the bundle.
  void DescribeOther() {
    v1::GetModelRequest request;
    request.set_digest(other_);
    const std::string bundle = ReadFile(path_ + ".pt");
    const size_t from = bundle.find("{\n");
    ASSERT_NE(from, std::string::npos);
    size_t depth = 0;
    size_t end = from;
    do {
      if (bundle[end] == '{') ++depth;
      if (bundle[end] == '}') --depth;
    } while (++end < bundle.size() && depth > 0);
    std::ofstream(path_ + ".json") << R"({"manifest": )" << bundle.substr(from, end - from)
                                   << R"(, "create_time_microseconds": 1, "training_id": ""})";
  }

  void AwaitLog(const std::string& text) {
    const absl::Time deadline = absl::Now() + absl::Seconds(60);
    while (server_->Log().find(text) == std::string::npos && absl::Now() < deadline) {
      absl::SleepFor(absl::Milliseconds(20));
    }
    EXPECT_THAT(server_->Log(), HasSubstr(text));
  }

  TemporaryFolder folder_;
  std::string other_, path_;  // of the other model: digest, and files without their ends
  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<Client> client_;
  std::unique_ptr<ModelClient> models_;
};

TEST_F(LoadedModelTest, AnotherBundleUnderTheActiveModelsDigestIsNotRun) {
  ASSERT_TRUE(Start().ok());
  Enrol("cage");
  ActivateOther();
  DescribeOther();
  Stop();
  ASSERT_TRUE(Start().ok()) << "with its own bundle";
  Stop();
  std::filesystem::copy_file(kAnyBundle, path_ + ".pt", std::filesystem::copy_options::overwrite_existing);
  const absl::Status started = Start();
  ASSERT_FALSE(started.ok()) << "a bundle runs that nobody has allowed";
  EXPECT_THAT(std::string(started.message()), HasSubstr(other_));
  EXPECT_THAT(std::string(started.message()), HasSubstr("its file is that of another model"));
}

TEST_F(LoadedModelTest, AModelThatWasForbiddenWhileTheServerWasDownIsNotRun) {
  ASSERT_TRUE(Start().ok());
  ActivateOther();
  Stop();
  SQLite::Database(folder_.path() + "/gallery.db", SQLite::OPEN_READWRITE).exec("DELETE FROM allowed_model");
  const absl::Status started = Start();
  ASSERT_FALSE(started.ok()) << "a bundle runs that is no longer allowed";
  EXPECT_THAT(std::string(started.message()), HasSubstr(other_));
  EXPECT_THAT(std::string(started.message()), HasSubstr("nobody has allowed it"));
}

TEST_F(LoadedModelTest, SaysWhomABundleThatAnUpgradeChangedCannotVerify) {
  ASSERT_TRUE(Start().ok());
  Enrol("cage");
  EXPECT_EQ(server_->Metric("likeness_persons_without_embedding"), 0);
  Stop();
  EXPECT_THAT(server_->Log(), Not(HasSubstr("persons_without_embedding")));

  ASSERT_TRUE(Start(kOtherModel).ok());
  AwaitLog("persons_without_embedding");
  const std::string enrolled_by = VerifySeal(ReadFile(LIKENESS_MODELS_DIR "/mobilefacenet-192.pt"))->Hex();
  EXPECT_THAT(server_->Log(),
              HasSubstr(absl::StrCat("\"persons\":1,\"references\":1,\"enrolled_by\":\"", enrolled_by)));
  EXPECT_EQ(server_->Metric("likeness_persons_without_embedding"), 1);
  EXPECT_EQ(server_->Metric("likeness_references_without_embedding"), 1);
  EXPECT_EQ(WhyNotVerified("cage"), "MODEL_MISMATCH");
  Enrol("cage");
  EXPECT_EQ(WhyNotVerified("cage"), "");
}

TEST_F(LoadedModelTest, RefusesABundleThatTheGalleryWasNotEnrolledWithWhereItIsToldTo) {
  ASSERT_TRUE(Start("mobilefacenet-192", {"--require-active-model=true"}).ok()) << "an empty gallery fits every model";
  Enrol("cage");
  Stop();
  ASSERT_TRUE(Start("mobilefacenet-192", {"--require-active-model=true"}).ok());
  Stop();
  const absl::Status started = Start(kOtherModel, {"--require-active-model=true"});
  ASSERT_FALSE(started.ok());
  EXPECT_THAT(std::string(started.message()), HasSubstr("--require-active-model"));
  EXPECT_THAT(std::string(started.message()), HasSubstr("1 person has no embedding"));
}

}  // namespace
}  // namespace likeness
