#include "server/image/face_evidence.h"

#include <gtest/gtest.h>

#include <limits>
#include <optional>

namespace likeness {
namespace {

Face Seen(float score, float first_probability, float last_probability, float shift) {
  return Face{.box = {0, 0, 10, 10},
              .score = score,
              .landmarks = std::nullopt,
              .opinion = {first_probability, last_probability, shift}};
}

struct Sight {
  const char* what;
  Face face;
  bool is_face;
  bool certain;
};

TEST(FaceEvidenceTest, IsCertainOnlyWhereBothNetworksAreAndTheLandmarksStay) {
  const Sight sights[] = {
      {"a press photo", Seen(1.f, 0.9993f, 0.9990f, 0.9f), true, true},
      {"a press photo that few are worse than", Seen(0.9998f, 0.98f, 0.985f, 2.1f), true, true},
      {"upside down, as most are seen", Seen(0.9987f, 0.51f, 0.78f, 5.8f), true, false},
      {"upside down, as few are seen", Seen(1.f, 0.97f, 0.98f, 4.0f), true, false},
      {"on its side, as most are seen", Seen(0.98f, 0.72f, 0.77f, 10.6f), false, false},
      {"the detector alone is sure", Seen(1.f, 0.5f, 0.5f, 0.5f), true, false},
      {"the landmark network alone is sure", Seen(0.31f, 0.999f, 0.999f, 1.0f), true, false},
      {"the landmarks jump", Seen(1.f, 0.9993f, 0.9990f, 12.f), true, false},
      {"heather", Seen(0.7932f, 0.2083f, 0.5299f, 5.33f), false, false},
      {"a dog", Seen(0.938f, 0.1164f, 0.6788f, 9.86f), false, false},
      {"nobody says anything", Face{}, false, false},
  };
  for (const Sight& sight : sights) {
    EXPECT_EQ(IsFace(sight.face), sight.is_face) << sight.what;
    EXPECT_EQ(IsCertainlyUpright(sight.face), sight.certain) << sight.what;
  }
}

TEST(FaceEvidenceTest, TakesNumbersThatAreNoneForNoEvidence) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const Face& face : {Seen(nan, 1, 1, 0), Seen(1, nan, 1, 0), Seen(1, 1, nan, 0), Seen(1, 1, 1, nan)}) {
    EXPECT_FALSE(IsFace(face));
    EXPECT_FALSE(IsCertainlyUpright(face));
  }
}

TEST(FaceEvidenceTest, CountsNoNetworkWithoutEnd) {
  EXPECT_NEAR(FaceEvidence(Seen(1.f, 0.5f, 0.5f, 0)), FaceEvidence(Seen(0.99999f, 0.5f, 0.5f, 0)), 1e-4);
  EXPECT_NEAR(FaceEvidence(Seen(1.f, 0.5f, 0.5f, 0)), 9.2, 0.1);
  EXPECT_NEAR(FaceEvidence(Seen(0.f, 0.5f, 0.5f, 0)), -9.2, 0.1);
}

}  // namespace
}  // namespace likeness
