#include "server/image/face_evidence.h"

#include <gtest/gtest.h>

#include <limits>
#include <optional>

namespace likeness {
namespace {

Face Seen(std::optional<float> upright) {
  return Face{.box = {0, 0, 10, 10}, .score = 1, .landmarks = std::nullopt, .upright = upright};
}

struct Sight {
  const char* what;
  std::optional<float> upright;
  bool is_face;
  bool worth_turning;
  bool certain;
};

TEST(FaceEvidenceTest, TellsFacesFromThingsAndCertainFacesFromDoubtfulOnes) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const Sight sights[] = {
      {"a press photo", 8.f, true, true, true},
      {"just certain", 2.5f, true, true, true},
      {"not quite certain", 2.49f, true, true, false},
      {"just worth turning", 1.5f, true, true, false},
      {"not quite worth turning", 1.49f, true, false, false},
      {"a face or none", 0.f, true, false, false},
      {"just a face", -1.f, true, false, false},
      {"not quite a face", -1.01f, false, false, false},
      {"a dog, or a face upside down", -6.f, false, false, false},
      {"no number", std::numeric_limits<float>::quiet_NaN(), false, false, false},
      {"nothing at all", -kInfinity, false, false, false},
      {"a face of a bundle that does not tell", std::nullopt, true, false, true},
  };
  for (const Sight& sight : sights) {
    EXPECT_EQ(IsFace(Seen(sight.upright)), sight.is_face) << sight.what;
    EXPECT_EQ(IsWorthTurningFor(Seen(sight.upright)), sight.worth_turning) << sight.what;
    EXPECT_EQ(IsCertainlyUpright(Seen(sight.upright)), sight.certain) << sight.what;
  }
}

}  // namespace
}  // namespace likeness
