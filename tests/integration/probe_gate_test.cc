// The probe gate through the real server, on research photos and on the same photos made worse. Skips where they are
// missing: they may not be redistributed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "client/evaluation/comparisons.h"
#include "client/photo_folder/photo_folder.h"
#include "server/image/photo.h"
#include "tests/integration/photos.h"
#include "tests/integration/server_process.h"

namespace likeness {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

const fs::path kData = LIKENESS_DATA_DIR;

std::string PpmOf(const Picture& picture) {
  std::string ppm = absl::StrFormat("P6\n%d %d\n255\n", picture.width, picture.height);
  ppm.append(picture.rgb.begin(), picture.rgb.end());
  return ppm;
}

Picture Darkened(Picture picture, double factor) {
  for (uint8_t& sample : picture.rgb) sample = static_cast<uint8_t>(sample * factor);
  return picture;
}

// A Gaussian blur along the rows, and the picture turned, so that twice blurs both ways.
Picture RowsBlurredAndTurned(const Picture& picture, double sigma) {
  const int reach = static_cast<int>(std::ceil(3 * sigma));
  std::vector<double> weights;
  for (int d = -reach; d <= reach; ++d) weights.push_back(std::exp(-d * d / (2 * sigma * sigma)));
  Picture turned{picture.height, picture.width, std::vector<uint8_t>(picture.rgb.size()), 1};
  for (int y = 0; y < picture.height; ++y) {
    for (int x = 0; x < picture.width; ++x) {
      for (int channel = 0; channel < 3; ++channel) {
        double sum = 0, total = 0;
        for (int d = -reach; d <= reach; ++d) {
          const int from = std::clamp(x + d, 0, picture.width - 1);
          sum += weights[d + reach] * picture.rgb[3 * (y * picture.width + from) + channel];
          total += weights[d + reach];
        }
        turned.rgb[3 * (x * picture.height + y) + channel] = static_cast<uint8_t>(std::lround(sum / total));
      }
    }
  }
  return turned;
}

Picture Blurred(const Picture& picture, double sigma) {
  return RowsBlurredAndTurned(RowsBlurredAndTurned(picture, sigma), sigma);
}

Picture FromRow(const Picture& picture, float row) {
  const int first = std::clamp(static_cast<int>(row), 0, picture.height - 20);
  return {
      picture.width, picture.height - first, {picture.rgb.begin() + 3 * first * picture.width, picture.rgb.end()}, 1};
}

// A surgical mask from cheek to cheek and from the nose to the chin.
Picture Masked(Picture picture, const v1::Face& face) {
  const v1::Point &left = face.landmarks(0), &right = face.landmarks(1), &mouth_left = face.landmarks(3),
                  &mouth_right = face.landmarks(4);
  const double eyes_x = (left.x() + right.x()) / 2, eyes_y = (left.y() + right.y()) / 2;
  const double mouth_x = (mouth_left.x() + mouth_right.x()) / 2, mouth_y = (mouth_left.y() + mouth_right.y()) / 2;
  const double width = std::hypot(right.x() - left.x(), right.y() - left.y());
  const double height = std::hypot(mouth_x - eyes_x, mouth_y - eyes_y);
  for (int y = 0; y < picture.height; ++y) {
    for (int x = 0; x < picture.width; ++x) {
      const double down = ((x - eyes_x) * (mouth_x - eyes_x) + (y - eyes_y) * (mouth_y - eyes_y)) / (height * height);
      const double aside =
          std::abs((x - eyes_x) * (mouth_y - eyes_y) - (y - eyes_y) * (mouth_x - eyes_x)) / (height * width);
      if (down < 0.45 + aside / 8 || down > 1.8 || aside > 0.95 - (down - 0.45) / 3) continue;
      uint8_t* pixel = picture.rgb.data() + 3 * (y * picture.width + x);
      pixel[0] = 150, pixel[1] = 195, pixel[2] = 220;
    }
  }
  return picture;
}

class ProbeGateTest : public testing::Test {
 protected:
  static constexpr int kSample = 40;

  void SetUp() override {
    if (!fs::exists(kData / "lfw-dev")) GTEST_SKIP() << "the research photos are not at " << kData;
    auto started = ServerProcess::Start({.folder = folder_.path(), .flags = {"--log-level=warning"}});
    ASSERT_TRUE(started.ok()) << started.status();
    server_ = *std::move(started);
    client_ = std::make_unique<Client>(Client::Options{.target = server_->target(), .timeout = absl::Minutes(1)});
  }

  // Photos of people of part 2/2, of whom no limit knows, evenly over all of the group.
  static std::vector<std::string> Sample(const std::string& group, int count) {
    const absl::StatusOr<PhotoFolder> folder = ListPhotoFolder((kData / group).string());
    EXPECT_TRUE(folder.ok()) << folder.status();
    const absl::StatusOr<Comparisons> people = CompareAll(*folder, {.part = 2, .parts = 2});
    EXPECT_TRUE(people.ok()) << people.status();
    std::vector<std::string> photos;
    const size_t step = std::max<size_t>(1, people->photos.size() / static_cast<size_t>(count));
    for (size_t i = 0; i < people->photos.size(); i += step) {
      photos.push_back(ReadFile((kData / group / people->photos[i].path).string()));
    }
    return photos;
  }

  absl::StatusOr<v1::EmbedResponse> Embed(const std::string& photo, v1::QualityGate gate) {
    v1::EmbedRequest request;
    request.set_photo(photo);
    request.set_face_policy(v1::FACE_POLICY_MOST_CENTRAL);
    request.set_probe_gate(gate);
    return client_->Embed(request);
  }

  // Of the photos in which a face is found, the share that the standard gate refuses with this issue among others;
  // with any issue where none is named.
  double RefusedShare(const std::vector<std::string>& photos, const std::string& issue = "") {
    int found = 0, refused = 0;
    for (const std::string& photo : photos) {
      if (!Embed(photo, v1::QUALITY_GATE_OFF).ok()) continue;
      ++found;
      const absl::Status status = Embed(photo, v1::QUALITY_GATE_STANDARD).status();
      if (ErrorReasonOf(status) == "FACE_QUALITY_TOO_LOW" && (issue.empty() || SaysOf(status, issue))) ++refused;
    }
    EXPECT_GT(found, 0);
    return static_cast<double>(refused) / std::max(found, 1);
  }

  using Worsening = std::function<Picture(const Picture&, const v1::Face&)>;

  // Photos of LFW made worse, knowing where the face was.
  std::vector<std::string> Worsened(const Worsening& worsen) {
    std::vector<std::string> worse;
    for (const std::string& photo : Sample("lfw-dev/images", kSample)) {
      const auto response = Embed(photo, v1::QUALITY_GATE_OFF);
      if (response.ok()) worse.push_back(PpmOf(worsen(*DecodePhoto(photo, {}), response->face())));
    }
    return worse;
  }

  // Whether the refusal's message speaks of it.
  static bool SaysOf(const absl::Status& status, const std::string& words) {
    return std::string(status.message()).find(words) != std::string::npos;
  }

  const TemporaryFolder folder_;
  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<Client> client_;
};

TEST_F(ProbeGateTest, GivesAVerdictOnPeopleOfEveryGroup) {
  for (const char* group : {"lfw-dev/images", "east-asian/clear", "ages/adult", "ages/young", "poses/frontal"}) {
    const double refused = RefusedShare(Sample(group, kSample));
    std::printf("%s: %.1f %% refused\n", group, 100 * refused);
    EXPECT_LE(refused, 0.05) << group;
  }
}

TEST_F(ProbeGateTest, RefusesPhotosThatAreOutOfFocusAndNotThoseThatAreNearlySharp) {
  const auto blurred = [this](double sigma) {
    return Worsened([sigma](const Picture& picture, const v1::Face&) { return Blurred(picture, sigma); });
  };
  EXPECT_GE(RefusedShare(blurred(5), "blurred"), 0.85);
  EXPECT_LE(RefusedShare(blurred(3)), 0.4);
}

TEST_F(ProbeGateTest, RefusesPhotosWithoutLightAndNotThoseThatAreOnlyDark) {
  const auto darkened = [this](double factor) {
    return Worsened([factor](const Picture& picture, const v1::Face&) { return Darkened(picture, factor); });
  };
  EXPECT_GE(RefusedShare(darkened(0.1), "too dark"), 0.8);
  EXPECT_LE(RefusedShare(darkened(0.2)), 0.1);
}

TEST_F(ProbeGateTest, RefusesFacesThatThePhotosEdgeCutsThroughTheEyes) {
  const std::vector<std::string> cut = Worsened([](const Picture& picture, const v1::Face& face) {
    return FromRow(picture, (face.landmarks(0).y() + face.landmarks(1).y()) / 2);
  });
  EXPECT_GE(RefusedShare(cut, "cuts the face off"), 0.95);
}

TEST_F(ProbeGateTest, RefusesFacesBehindMasks) {
  EXPECT_GE(RefusedShare(Worsened(Masked), "covered"), 0.9);
  EXPECT_GE(RefusedShare(Sample("east-asian/masked", kSample), "covered"), 0.85);
}

TEST_F(ProbeGateTest, SaysOfTheFieldsFacesWhatIsWrongWithThem) {
  if (!fs::exists(kData / "field")) GTEST_SKIP() << "the field's photos are not at " << kData;
  const auto issues_of = [this](const char* name) {
    v1::EnrollRequest request;
    request.set_person_id("somebody");
    request.add_photos(ReadFile((kData / "field" / name).string()));
    request.set_face_policy(v1::FACE_POLICY_MOST_CENTRAL);
    request.set_validate_only(true);
    const absl::Status status = client_->Enroll(request).status();
    EXPECT_EQ(ErrorReasonOf(status), "FACE_QUALITY_TOO_LOW") << name << ": " << status;
    return std::string(status.message());
  };
  EXPECT_THAT(issues_of("f02_tight_crop_rums.jpg"), HasSubstr("cut off"));
  EXPECT_THAT(issues_of("f05_cut_top_at_eyes_rums.jpg"), HasSubstr("cuts the face off"));
  EXPECT_THAT(issues_of("f17_medical_mask_rums.jpg"), HasSubstr("covered"));
  for (const char* pair :
       {"blur5_two_different_people_", "medmask_two_people_match_0", "cut_at_eyes_two_people_match_0"}) {
    v1::CompareRequest request;
    request.set_face_policy(v1::FACE_POLICY_MOST_CENTRAL);
    for (const fs::directory_entry& entry : fs::directory_iterator(kData / "field")) {
      const std::string name = entry.path().filename();
      if (name.rfind(std::string(pair) + "a_", 0) == 0) request.set_photo_a(ReadFile(entry.path()));
      if (name.rfind(std::string(pair) + "b_", 0) == 0) request.set_photo_b(ReadFile(entry.path()));
    }
    ASSERT_FALSE(request.photo_a().empty() || request.photo_b().empty()) << pair;
    EXPECT_EQ(ErrorReasonOf(client_->Compare(request).status()), "FACE_QUALITY_TOO_LOW") << pair;
  }
}

}  // namespace
}  // namespace likeness
