#include "client/evaluation/embed_photos.h"

#include <atomic>
#include <mutex>
#include <set>

#include "absl/status/status.h"
#include "absl/synchronization/barrier.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace likeness {
namespace {

TEST(EmbedPhotosTest, EmbedsEachPhotoOnceAndKeepsWhatBecameOfIt) {
  std::mutex mutex;
  std::multiset<std::string> calls;
  std::atomic<int> done = 0;
  const PhotoEmbeddings embeddings = EmbedPhotos(
      {"a", "b", "c"}, 2,
      [&](const std::string& photo) -> absl::StatusOr<v1::EmbedResponse> {
        const std::lock_guard lock(mutex);
        calls.insert(photo);
        if (photo == "b") return absl::InvalidArgumentError("no face");
        v1::EmbedResponse response;
        response.add_embedding(static_cast<float>(photo[0]));
        return response;
      },
      [&] { ++done; });
  EXPECT_THAT(calls, testing::ElementsAre("a", "b", "c"));
  EXPECT_EQ(done, 3);
  ASSERT_EQ(embeddings.size(), 3u);
  EXPECT_EQ(embeddings.at("a")->embedding(0), 'a');
  EXPECT_EQ(embeddings.at("b").status(), absl::InvalidArgumentError("no face"));
  EXPECT_EQ(embeddings.at("c")->embedding(0), 'c');
}

TEST(EmbedPhotosTest, KeepsAsManyCallsInFlightAsThereAreJobs) {
  absl::Barrier barrier(3);  // opens when three calls are in flight, and only then
  const PhotoEmbeddings embeddings = EmbedPhotos(
      {"a", "b", "c"}, 3,
      [&](const std::string&) -> absl::StatusOr<v1::EmbedResponse> {
        barrier.Block();
        return v1::EmbedResponse();
      },
      [] {});
  EXPECT_EQ(embeddings.size(), 3u);
}

}  // namespace
}  // namespace likeness
