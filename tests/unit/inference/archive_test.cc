#include "server/inference/archive.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "server/hashing/sha256.h"
#include "tests/support/bundles.h"
#include "tests/support/files.h"
#include "tests/support/matchers.h"

namespace likeness {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

std::string Written(absl::string_view content) {
  const std::string path = UniquePath("bundle.pt");
  WriteFile(path, content);
  return path;
}

const std::string& Bundle() {
  static const std::string& bundle = *new std::string(ReadFile(ModelPath("mobilefacenet-192.pt")));
  return bundle;
}

auto IsRefused(absl::StatusCode code, const std::string& path, const std::string& why) {
  return HasStatus(code, AllOf(HasSubstr("model bundle " + path), HasSubstr(why)));
}

TEST(ArchiveTest, KnowsItsDigestAndItsManifest) {
  const absl::StatusOr<Archive> archive = Archive::Open(ModelPath("mobilefacenet-192.pt"), Device{});
  ASSERT_THAT(archive, IsOk());
  EXPECT_EQ(archive->digest(), ModelDigest{Sha256(Bundle())});
  EXPECT_THAT(archive->manifest(), HasSubstr(R"("name": "mobilefacenet-192")"));
}

TEST(ArchiveTest, RefusesAFileThatIsNotThere) {
  const std::string path = UniquePath("missing.pt");
  EXPECT_THAT(Archive::Open(path, Device{}), IsRefused(absl::StatusCode::kNotFound, path, "cannot be opened"));
}

TEST(ArchiveTest, RefusesAFolder) {
  const std::string path = UniquePath("folder.pt");
  std::filesystem::create_directory(path);
  EXPECT_THAT(Archive::Open(path, Device{}), IsRefused(absl::StatusCode::kDataLoss, path, "cannot be read"));
}

TEST(ArchiveTest, RefusesAnEmptyFile) {
  const std::string path = Written("");
  EXPECT_THAT(Archive::Open(path, Device{}), IsRefused(absl::StatusCode::kFailedPrecondition, path, "no seal"));
}

TEST(ArchiveTest, RefusesABundleOfWhichOneByteWasAltered) {
  const size_t size = Bundle().size();
  for (size_t place : {size_t{0}, size_t{100}, size / 4, size / 2, 3 * size / 4, size - 200, size - 81, size - 1}) {
    std::string altered = Bundle();
    altered[place] = static_cast<char>(altered[place] ^ 0x01);
    const std::string path = Written(altered);
    EXPECT_THAT(Archive::Open(path, Device{}), IsRefused(absl::StatusCode::kDataLoss, path, "does not match its seal"))
        << "byte " << place;
    std::filesystem::remove(path);
  }
}

TEST(ArchiveTest, RefusesABundleThatWasCutOff) {
  for (size_t size : {size_t{1}, Bundle().size() / 2, Bundle().size() - 1}) {
    const std::string path = Written(absl::string_view(Bundle()).substr(0, size));
    EXPECT_THAT(Archive::Open(path, Device{}), IsRefused(absl::StatusCode::kFailedPrecondition, path, "no seal"));
  }
}

TEST(ArchiveTest, RefusesASealedFileThatIsNoTorchScriptArchive) {
  const std::string half = BodyOf(Bundle()).substr(0, Bundle().size() / 2);
  for (const std::string& body : {std::string("no zip file"), std::string(), std::string(1000, '\0'), half}) {
    const std::string path = Written(Seal(body));
    EXPECT_THAT(Archive::Open(path, Device{}),
                IsRefused(absl::StatusCode::kFailedPrecondition, path, "no TorchScript archive"));
  }
}

TEST(ArchiveTest, RefusesAnArchiveWithoutItsManifest) {
  std::string body = BodyOf(Bundle());
  // The name stands in the file's own header and in the archive's directory.
  for (size_t place = 0; (place = body.find("likeness.json", place)) != std::string::npos;) {
    body.replace(place, 13, "likemess.json");
  }
  const std::string path = Written(Seal(body));
  EXPECT_THAT(Archive::Open(path, Device{}), IsRefused(absl::StatusCode::kFailedPrecondition, path, "likeness.json"));
}

TEST(ArchiveTest, NamesASubmoduleThatIsNotThere) {
  const absl::StatusOr<Archive> archive = Archive::Open(ModelPath("mobilefacenet-192.pt"), Device{});
  ASSERT_THAT(archive, IsOk());
  EXPECT_THAT(archive->LoadNetwork("detector").status(),
              HasStatus(absl::StatusCode::kFailedPrecondition,
                        AllOf(HasSubstr(ModelPath("mobilefacenet-192.pt")), HasSubstr("'detector'"))));
}

class NetworkTest : public testing::Test {
 protected:
  NetworkTest() : network_(*Archive::Open(ModelPath("mobilefacenet-192.pt"), Device{})->LoadNetwork()) {}

  const Network network_;
  const std::vector<float> input_ = std::vector<float>(3 * 112 * 112, 0.25f);
};

TEST_F(NetworkTest, ReturnsTheShapeAndTheValuesOfItsOutput) {
  const absl::StatusOr<std::vector<Tensor>> outputs = network_.Run(input_, {1, 3, 112, 112});
  ASSERT_THAT(outputs, IsOk());
  ASSERT_EQ(outputs->size(), 1u);
  EXPECT_THAT(outputs->front().shape, ElementsAre(1, 192));
  EXPECT_EQ(outputs->front().values.size(), 192u);
}

TEST_F(NetworkTest, ReportsAnInputItCannotTake) {
  const auto failed = network_.Run(input_, {1, 1, 336, 112});
  EXPECT_THAT(failed, FailsWith(Reason::NETWORK_FAILED));
  EXPECT_THAT(failed, HasStatus(absl::StatusCode::kInternal, HasSubstr("channels"))) << "which says what is wrong";
}

TEST_F(NetworkTest, AnswersAlikeOnAnyNumberOfThreads) {
  const std::vector<float> expected = network_.Run(input_, {1, 3, 112, 112})->front().values;
  std::vector<std::vector<float>> answers(4);
  std::vector<std::thread> threads;
  for (std::vector<float>& answer : answers) {
    threads.emplace_back([&] { answer = network_.Run(input_, {1, 3, 112, 112})->front().values; });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::vector<float>& answer : answers) EXPECT_EQ(answer, expected);
}

}  // namespace
}  // namespace likeness
