#include "server/training/hardest_pairs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace likeness {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Faces on a line.
TEST(HardestPairsTest, AreTheNearestOnesOfDifferentPeopleTheNearestFirst) {
  const std::vector<float> embeddings = {0, 0.1f, 1, 4, 4.5f};
  const std::vector<BatchFace> faces = {{10, 1}, {11, 1}, {12, 2}, {13, 2}, {14, 3}};
  EXPECT_THAT(HardestImpostorPairs(embeddings, 1, faces, 3),
              ElementsAre(FacePair{3, 4, false}, FacePair{1, 2, false}, FacePair{0, 2, false}));
}

TEST(HardestPairsTest, TakeAPhotoThatWasDrawnTwiceOnce) {
  const std::vector<float> embeddings = {0, 0, 1, 5};
  const std::vector<BatchFace> faces = {{10, 1}, {10, 1}, {12, 2}, {13, 2}};
  EXPECT_THAT(HardestImpostorPairs(embeddings, 1, faces, 2), ElementsAre(FacePair{0, 2, false}, FacePair{0, 3, false}));
}

TEST(HardestPairsTest, AreFewerWhereThereAreNotAsMany) {
  EXPECT_THAT(HardestImpostorPairs({0, 1}, 1, {{1, 1}, {2, 2}}, 5), ElementsAre(FacePair{0, 1, false}));
  EXPECT_THAT(HardestImpostorPairs({0, 1}, 1, {{1, 1}, {2, 1}}, 5), IsEmpty());
}

}  // namespace
}  // namespace likeness
