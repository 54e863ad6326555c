#include "server/inference/planes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace likeness {
namespace {

using testing::ElementsAre;
using testing::FloatEq;
using testing::FloatNear;

TEST(PlanesTest, PutsTheChannelsOneAfterTheOther) {
  std::vector<float> planes;
  AppendPlanes({1, 2, 3, 4, 5, 6}, {{0, 0, 0}, {1, 1, 1}}, planes);
  EXPECT_THAT(planes, ElementsAre(1, 4, 2, 5, 3, 6));
}

TEST(PlanesTest, NormalisesEachChannelByItsOwn) {
  std::vector<float> planes;
  AppendPlanes({100, 100, 100}, {{0, 100, 50}, {2, 4, 10}}, planes);
  EXPECT_THAT(planes, ElementsAre(FloatEq(50), FloatEq(0), FloatEq(5)));
}

TEST(PlanesTest, MapsTheRangeOfBytesOntoMinusOneToOne) {
  std::vector<float> planes;
  AppendPlanes({0, 127, 255}, {{127.5, 127.5, 127.5}, {127.5, 127.5, 127.5}}, planes);
  EXPECT_THAT(planes, ElementsAre(FloatNear(-1, 1e-6), FloatNear(-0.5f / 127.5f, 1e-6), FloatNear(1, 1e-6)));
}

// The weights of ITU-R BT.601: 0.299, 0.587 and 0.114.
TEST(PlanesTest, MakesOneChannelOfLuma) {
  std::vector<float> planes;
  AppendPlanes({255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255}, {{0}, {255}}, planes);
  EXPECT_THAT(planes, ElementsAre(FloatNear(0.299f, 1e-6), FloatNear(0.587f, 1e-6), FloatNear(0.114f, 1e-6),
                                  FloatNear(1, 1e-6)));
}

TEST(PlanesTest, AppendsToWhatIsThere) {
  std::vector<float> planes = {9};
  AppendPlanes({7, 7, 7}, {{0}, {7}}, planes);
  EXPECT_THAT(planes, ElementsAre(9, FloatEq(1)));
}

TEST(PlanesTest, AppendsNothingForAPictureWithoutPixels) {
  std::vector<float> planes;
  AppendPlanes({}, {{0, 0, 0}, {1, 1, 1}}, planes);
  EXPECT_TRUE(planes.empty());
}

}  // namespace
}  // namespace likeness
