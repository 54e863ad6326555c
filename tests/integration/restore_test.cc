// What docs/operations.md says of backup, restore and a crash, done literally; and what a server does whose gallery was
// taken away.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "client/call_status.h"
#include "tests/integration/photos.h"
#include "tests/integration/server_process.h"

namespace likeness {
namespace {

namespace fs = std::filesystem;
using grpc::health::v1::HealthCheckResponse;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr char kPhoto[] = "cage2_crop.jpg";

// The commands of the page's shell block under this heading.
std::vector<std::string> StepsUnder(const std::string& heading) {
  const std::string page = ReadFile(LIKENESS_OPERATIONS_PAGE);
  const size_t section = page.find("\n### " + heading + "\n");
  const size_t begin = page.find("```sh\n", section);
  const size_t end = page.find("```", begin + 6);
  if (section == std::string::npos || begin == std::string::npos || end == std::string::npos) return {};
  return absl::StrSplit(page.substr(begin + 6, end - begin - 6), '\n', absl::SkipEmpty());
}

class RestoreTest : public testing::Test {
 protected:
  void SetUp() override {
    fs::create_directory(folder_.path() + "/backups");
    Start();
  }

  void Start() {
    auto started = ServerProcess::Start({.folder = folder_.path(), .flags = {"--duplicates=off"}});
    ASSERT_TRUE(started.ok()) << started.status();
    server_ = *std::move(started);
    client_ = std::make_unique<Client>(Client::Options{.target = server_->target()});
  }

  void Stop() {
    if (server_ == nullptr) return;
    server_->Terminate();
    EXPECT_EQ(server_->Wait(), 0);
    server_.reset();
  }

  // Does what is documented, in this test's folder and with its server in the place of the service.
  void DoSteps(const std::string& heading) {
    const std::vector<std::string> steps = StepsUnder(heading);
    ASSERT_THAT(steps, Not(IsEmpty())) << heading;
    for (const std::string& step : steps) {
      SCOPED_TRACE(step);
      if (step == "systemctl stop likeness") {
        Stop();
      } else if (step == "systemctl start likeness") {
        Start();
      } else {
        ASSERT_TRUE(absl::StartsWith(step, "likeness gallery ")) << "the test knows no such step";
        ASSERT_EQ(Run(step), 0) << output_;
      }
    }
  }

  int Run(const std::string& step) {
    const std::string command = absl::StrReplaceAll(
        step, {{"/var/lib/likeness", folder_.path()}, {"/var/backups/likeness", folder_.path() + "/backups"}});
    const std::unique_ptr<FILE, int (*)(FILE*)> pipe(
        popen(absl::StrCat(LIKENESS_BIN_DIR, "/", command, " 2>&1").c_str(), "r"), [](FILE*) { return 0; });
    output_.clear();
    std::array<char, 4096> piece;
    while (const size_t size = fread(piece.data(), 1, piece.size(), pipe.get())) output_.append(piece.data(), size);
    const int status = pclose(pipe.get());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  // OK, or the reason.
  std::string Enroll(const std::string& person_id) {
    v1::EnrollRequest request;
    request.set_person_id(person_id);
    request.add_photos(Photo(kPhoto));
    const auto response = client_->Enroll(request);
    return response.ok() ? "OK" : ErrorNameOf(response.status());
  }
  std::string Verify(const std::string& person_id) {
    v1::VerifyRequest request;
    request.set_person_id(person_id);
    request.set_photo(Photo(kPhoto));
    const auto response = client_->Verify(request);
    return response.ok() ? "OK" : ErrorNameOf(response.status());
  }
  std::string Delete(const std::string& person_id) {
    v1::DeletePersonRequest request;
    request.set_person_id(person_id);
    const auto response = client_->DeletePerson(request);
    return response.ok() ? "OK" : ErrorNameOf(response.status());
  }

  bool Serves(const std::string& name) {
    const auto health = client_->Health(name);
    return health.ok() && health->status() == HealthCheckResponse::SERVING;
  }

  std::vector<std::string> Kept() const {
    std::vector<std::string> files;
    for (const auto& entry : fs::directory_iterator(folder_.path())) {
      if (const std::string name = entry.path().filename(); absl::StartsWith(name, "gallery.db.before-restore-")) {
        files.push_back(name);
      }
    }
    return files;
  }

  const TemporaryFolder folder_;
  const std::string gallery_ = folder_.path() + "/gallery.db";
  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<Client> client_;
  std::string output_;
};

TEST_F(RestoreTest, BringsBackWhatWasBackedUpBesideTheRunningServer) {
  ASSERT_EQ(Enroll("ada"), "OK");
  DoSteps("Backup");
  EXPECT_THAT(output_, HasSubstr("1 persons, 1 references"));
  ASSERT_EQ(Enroll("bob"), "OK");
  ASSERT_EQ(Delete("ada"), "OK");
  DoSteps("Restore");
  ASSERT_NE(server_, nullptr);
  EXPECT_EQ(Verify("ada"), "OK");
  EXPECT_EQ(Verify("bob"), "PERSON_NOT_FOUND");
  EXPECT_EQ(Enroll("carol"), "OK");
  EXPECT_THAT(Kept(), testing::SizeIs(1));
  EXPECT_EQ(Run("likeness gallery check " + folder_.path() + "/" + Kept().front()), 0) << output_;
}

TEST_F(RestoreTest, IsRefusedBesideTheRunningServer) {
  ASSERT_EQ(Enroll("ada"), "OK");
  DoSteps("Backup");
  ASSERT_EQ(Enroll("bob"), "OK");
  EXPECT_EQ(Run("likeness gallery restore /var/backups/likeness/gallery.db /var/lib/likeness/gallery.db"), 2);
  EXPECT_THAT(output_, HasSubstr("stop it first"));
  EXPECT_EQ(Verify("bob"), "OK");
}

TEST_F(RestoreTest, GoesOnAfterACrash) {
  ASSERT_EQ(Enroll("ada"), "OK");
  server_->Kill();
  DoSteps("After a crash");
  EXPECT_EQ(Verify("ada"), "OK");
}

// What destroyed the gallery before: the killed server's log was replayed into the backup.
TEST_F(RestoreTest, SurvivesABackupThatWasCopiedOverTheFileOfAKilledServer) {
  ASSERT_EQ(Enroll("ada"), "OK");
  DoSteps("Backup");
  ASSERT_EQ(Enroll("bob"), "OK");
  ASSERT_EQ(Delete("bob"), "OK");
  for (const char* person : {"carol", "dave", "eve"}) ASSERT_EQ(Enroll(person), "OK");
  server_->Kill();
  fs::copy_file(folder_.path() + "/backups/gallery.db", gallery_, fs::copy_options::overwrite_existing);
  const auto refused = ServerProcess::Start({.folder = folder_.path(), .flags = {}});
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("likeness gallery restore"));
  EXPECT_EQ(Run("likeness gallery check /var/lib/likeness/gallery.db"), 1) << output_;
  server_.reset();
  DoSteps("Restore");
  ASSERT_NE(server_, nullptr);
  EXPECT_EQ(Verify("ada"), "OK");
  EXPECT_EQ(Verify("carol"), "PERSON_NOT_FOUND");
  EXPECT_EQ(Enroll("carol"), "OK");
}

TEST_F(RestoreTest, StopsServingWhenItsFileIsTakenAway) {
  ASSERT_EQ(Enroll("ada"), "OK");
  ASSERT_EQ(Verify("ada"), "OK") << "who is in memory now";
  DoSteps("Backup");
  EXPECT_TRUE(Serves(""));
  EXPECT_TRUE(Serves("gallery"));
  EXPECT_EQ(server_->Metric("likeness_gallery_lost"), 0);
  fs::remove(gallery_);
  EXPECT_EQ(Enroll("bob"), "STORE_FAILED");
  const absl::Time deadline = absl::Now() + absl::Seconds(30);  // it takes less than a second on a quiet machine
  while ((Serves("") || Serves("gallery")) && absl::Now() < deadline) absl::SleepFor(absl::Milliseconds(20));
  EXPECT_FALSE(Serves(""));
  EXPECT_FALSE(Serves("gallery"));
  EXPECT_EQ(Verify("ada"), "STORE_FAILED") << "who was in memory";
  EXPECT_EQ(Delete("ada"), "STORE_FAILED");
  EXPECT_EQ(server_->Metric("likeness_gallery_lost"), 1);
  EXPECT_THAT(server_->Log(), HasSubstr("gallery_file_lost"));
  EXPECT_FALSE(fs::exists(gallery_)) << "none is made in its place";
  DoSteps("Restore");
  ASSERT_NE(server_, nullptr);
  EXPECT_TRUE(Serves(""));
  EXPECT_EQ(Verify("ada"), "OK");
}

}  // namespace
}  // namespace likeness
