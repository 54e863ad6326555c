#include "server/bundle_file/bundle_manifest_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "server/embedding/torch_embedder.h"
#include "server/seal/seal.h"
#include "tests/support/bundles.h"
#include "tests/support/files.h"
#include "tests/support/matchers.h"
#include "tests/support/photos.h"

namespace likeness {
namespace {

using testing::HasSubstr;

std::string Bundle() { return ReadFile(ModelPath("mobilefacenet-192.pt")); }

TEST(BundleManifestFileTest, ReadsWhatTheBundleSaysOfItself) {
  const absl::StatusOr<std::string> text = ReadBundleManifest(Bundle());
  ASSERT_THAT(text, IsOk());
  EXPECT_EQ(nlohmann::json::parse(*text)["name"], "mobilefacenet-192");
}

TEST(BundleManifestFileTest, ReplacesTheManifestAndNothingOfTheNetwork) {
  auto manifest = nlohmann::ordered_json::parse(*ReadBundleManifest(Bundle()));
  manifest["name"] = "measured-anew";
  manifest["provenance"]["note"] = std::string(10000, 'x');
  const absl::StatusOr<std::string> changed = ReplaceBundleManifest(Bundle(), manifest.dump(2));
  ASSERT_THAT(changed, IsOk());
  EXPECT_THAT(ReadBundleManifest(*changed), IsOkAndHolds(manifest.dump(2)));
  EXPECT_EQ(*ReplaceBundleManifest(Bundle(), manifest.dump(2)), *changed) << "the same bytes each time";

  const std::string path = UniquePath("changed.pt");
  WriteFile(path, *changed);
  const auto before = TorchEmbedder::Load(ModelPath("mobilefacenet-192.pt"), Device{});
  const auto after = TorchEmbedder::Load(path, Device{});
  ASSERT_THAT(before, IsOk());
  ASSERT_THAT(after, IsOk());
  EXPECT_EQ((*after)->manifest().name, "measured-anew");
  EXPECT_FALSE((*after)->digest() == (*before)->digest());
  const Picture crop = FourColours(112, 112);
  EXPECT_EQ((*after)->Embed({crop})->front().values, (*before)->Embed({crop})->front().values);
}

TEST(BundleManifestFileTest, RefusesWhatIsNoBundleOrADamagedOne) {
  EXPECT_THAT(ReadBundleManifest("text"), HasStatus(absl::StatusCode::kFailedPrecondition, HasSubstr("no seal")));
  std::string damaged = Bundle();
  damaged[damaged.size() / 2] ^= 1;
  EXPECT_EQ(ReplaceBundleManifest(damaged, "{}").status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(ReplaceBundleManifest(Seal("no zip archive"), "{}").status().code(), absl::StatusCode::kFailedPrecondition);
}

// The size that an archive claims for a record used to be taken at its word, gigabytes and all.
TEST(BundleManifestFileTest, ReadsNoManifestOfAnySize) {
  const absl::StatusOr<std::string> bundle = ReplaceBundleManifest(Bundle(), std::string(9 << 20, ' '));
  ASSERT_THAT(bundle, IsOk());
  EXPECT_THAT(ReadBundleManifest(*bundle), HasStatus(absl::StatusCode::kFailedPrecondition, HasSubstr("too large")));
}

}  // namespace
}  // namespace likeness
