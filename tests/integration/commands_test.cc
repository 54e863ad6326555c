// The commands that people use on trainings and models, against the real server.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/model_client.h"
#include "client/training_client.h"
#include "tests/integration/photos.h"
#include "tests/integration/server_process.h"

namespace likeness {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;

class CommandsTest : public testing::Test {
 protected:
  void SetUp() override { Start(); }

  // At a rate that a dozen people can show.
  void Start() {
    auto started = ServerProcess::Start({.folder = folder_.path(), .flags = {"--target-fmr=0.01"}});
    ASSERT_TRUE(started.ok()) << started.status();
    server_ = *std::move(started);
    trainings_ = std::make_unique<TrainingClient>(TrainingClient::Options{.target = server_->target()});
    models_ = std::make_unique<ModelClient>(ModelClient::Options{.target = server_->target()});
  }

  struct Run {
    int exit_code = 0;
    std::string text;  // of both streams
  };
  Run Likeness(const std::string& arguments) {
    const std::string command =
        absl::StrCat(LIKENESS_BIN_DIR, "/likeness --server ", server_->target(), " ", arguments, " 2>&1");
    Run run;
    const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), [](FILE*) { return 0; });
    std::array<char, 4096> piece;
    while (const size_t size = fread(piece.data(), 1, piece.size(), pipe.get())) run.text.append(piece.data(), size);
    const int status = pclose(pipe.get());
    run.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return run;
  }

  // Five people, of whom one has the first photo twice, and one a photo and its middle.
  std::string FivePeople() {
    const std::string photos = folder_.path() + "/photos";
    const std::vector<std::pair<std::string, std::string>> files = {
        {"franck", "franck_01829.jpg"}, {"franck", "franck_02221.jpg"},    {"franck", "franck_04117.jpg"},
        {"cage", "cage.jpg"},           {"cage", "cage2_crop.jpg"},        {"audrey", "audrey.jpg"},
        {"audrey", "audrey_crop.jpg"},  {"bieber", "bieber_small.jpg"},    {"bieber", "Justin-Bieber2_crop.jpg"},
        {"connery", "SeanConnery.jpg"}, {"connery", "sean_guru2_crop.jpg"}};
    for (const auto& [person, file] : files) {
      fs::create_directories(absl::StrCat(photos, "/", person));
      WriteTo(absl::StrCat(photos, "/", person, "/", file), Photo(file));
    }
    WriteTo(photos + "/franck/zz_again.jpg", Photo("franck_01829.jpg"));
    return photos;
  }

  static void WriteTo(const std::string& path, const std::string& bytes) {
    const std::unique_ptr<FILE, int (*)(FILE*)> file(fopen(path.c_str(), "wb"), &fclose);
    ASSERT_NE(file, nullptr) << path;
    ASSERT_EQ(fwrite(bytes.data(), 1, bytes.size(), file.get()), bytes.size());
  }

  std::string NewestTraining() { return trainings_->ListTrainings({})->trainings(0).training_id(); }

  static constexpr char kSmall[] =
      "--pairs-per-epoch 8 --batch-pairs 4 --learning-rate 1e-4 --held-out bieber --held-out connery --promotion never";

  TemporaryFolder folder_;
  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<TrainingClient> trainings_;
  std::unique_ptr<ModelClient> models_;
};

TEST_F(CommandsTest, ATrainingThatWasLeftIsCancelledByAPrefixAndTheAnswerIsTheEnd) {
  const std::string photos = FivePeople();
  ASSERT_EQ(Likeness(absl::StrCat("train ", photos, " --epochs 1000 --detach ", kSmall)).exit_code, 0);
  const std::string id = NewestTraining();
  const Run first = Likeness("trainings cancel " + id.substr(0, 8));
  EXPECT_EQ(first.exit_code, 0) << first.text;
  EXPECT_THAT(first.text, HasSubstr(id + ", cancelled"));
  const Run second = Likeness("trainings cancel " + id);
  EXPECT_EQ(second.exit_code, 0) << second.text;
}

// The client's deadline used to end while the server waited for the step that ran.
TEST_F(CommandsTest, ACancellationIsAnsweredAtOnceWhateverTheStepTakes) {
  const std::string photos = FivePeople();
  const std::string large = "--pairs-per-epoch 1024 --batch-pairs 512 --held-out bieber --held-out connery";
  ASSERT_EQ(Likeness(absl::StrCat("train ", photos, " --epochs 1000 --detach ", large)).exit_code, 0);
  const std::string id = NewestTraining();
  const auto running = trainings_->Watch(id, [](const v1::Training& now) { return now.data().findings_size() == 0; });
  ASSERT_TRUE(running.ok()) << running.status();
  v1::CancelTrainingRequest request;
  request.set_training_id(id);
  for (int i = 0; i < 2; ++i) {
    const auto noted = trainings_->CancelTraining(request);
    ASSERT_TRUE(noted.ok()) << noted.status();
    EXPECT_TRUE(noted->training().cancel_requested());
    EXPECT_FALSE(HasEnded(noted->training())) << "a step of 512 pairs takes longer than two calls";
  }
  // It is on disk: nobody has to ask again.
  server_->Kill();
  Start();
  const auto ended = trainings_->Watch(id, [](const v1::Training&) { return true; });
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_EQ(ended->state(), v1::TRAINING_STATE_CANCELLED);
}

TEST_F(CommandsTest, ATrainingThatWasLeftGetsItsReportLater) {
  const std::string photos = FivePeople();
  ASSERT_EQ(Likeness(absl::StrCat("train ", photos, " --epochs 1 --detach ", kSmall)).exit_code, 0);
  const std::string id = NewestTraining();
  const Run watched = Likeness("trainings watch " + id.substr(0, 6));
  ASSERT_EQ(watched.exit_code, 0) << watched.text;
  EXPECT_THAT(watched.text, HasSubstr("2 things were found wrong with them: `likeness trainings report " + id));
  const std::string page = folder_.path() + "/page";
  const std::string report =
      absl::StrCat("trainings report ", id.substr(0, 6), " --images ", photos, " --report ", page);
  const Run reported = Likeness(report);
  ASSERT_EQ(reported.exit_code, 0) << reported.text;
  const std::string html = ReadFile(page + "/train-report.html");
  EXPECT_THAT(html, HasSubstr("left out franck/zz_again.jpg: nearly the same photo as franck/franck_01829.jpg"));
  EXPECT_THAT(html, HasSubstr("bieber/"));
  fs::rename(photos + "/cage", photos + "/nicolas");
  const Run other = Likeness(report);
  EXPECT_EQ(other.exit_code, 2);
  EXPECT_THAT(other.text, HasSubstr("is not the folder of training " + id));
}

TEST_F(CommandsTest, ATrainingNamesBadPhotosAndLeavesThemOut) {
  const std::string photos = FivePeople();
  const Run run =
      Likeness(absl::StrCat("train ", photos, " --epochs 1 ", kSmall, " --report ", folder_.path(), "/page"));
  ASSERT_EQ(run.exit_code, 0) << run.text;
  EXPECT_THAT(run.text, HasSubstr("left out franck/zz_again.jpg: nearly the same photo as franck/franck_01829.jpg "
                                  "(distance 0.00)\nepoch 1"));
  EXPECT_THAT(run.text, HasSubstr("left out audrey/audrey_crop.jpg: nearly the same photo as audrey/audrey.jpg"));
  EXPECT_THAT(run.text, HasSubstr("photos      10 used, 0 rejected, 2 left out; 3 people trained on, 2 strangers"));
}

TEST_F(CommandsTest, ACalibrationIsInstalledAndActivatedWithoutAFile) {
  const std::string people = LIKENESS_DATA_DIR "/poses/frontal";
  if (!fs::exists(people)) GTEST_SKIP() << people << " is not there";
  const std::string photos = folder_.path() + "/people";
  std::vector<fs::path> folders(fs::directory_iterator(people), fs::directory_iterator{});
  std::sort(folders.begin(), folders.end());
  folders.resize(12);
  fs::create_directories(photos);
  for (const fs::path& folder : folders)
    fs::create_directory_symlink(folder, absl::StrCat(photos, "/", folder.filename().string()));
  const Run run = Likeness(
      absl::StrCat("--json calibrate --images ", photos, " --without-cohort --source test --install --activate"));
  ASSERT_EQ(run.exit_code, 0) << run.text;
  const json result = json::parse(run.text.substr(0, run.text.find('\n')));
  const auto models = models_->ListModels({});
  ASSERT_TRUE(models.ok()) << models.status();
  EXPECT_EQ(models->models(0).model().digest(), result["digest"]);
  EXPECT_THAT(models->models(0).model().version(), HasSubstr("+measured."));
}

}  // namespace
}  // namespace likeness
