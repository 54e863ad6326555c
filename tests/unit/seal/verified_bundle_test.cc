#include "server/seal/verified_bundle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "server/hashing/sha256.h"
#include "tests/support/bundles.h"
#include "tests/support/files.h"
#include "tests/support/matchers.h"
#include "tests/support/swapped_file.h"

namespace likeness {
namespace {

using testing::HasSubstr;

TEST(VerifiedBundleTest, HasTheBytesThatItsDigestIsOfWhateverBecomesOfTheFile) {
  const std::string path = UniquePath("bundle.pt");
  const std::string file = Seal("the body of a bundle");
  std::optional<VerifiedBundle> bundle;
  {
    const SwappedFile swapped(path, file, Seal("another body"));
    const absl::StatusOr<VerifiedBundle> read = VerifiedBundle::Read(path);
    ASSERT_THAT(read, IsOk());
    bundle = *read;
  }
  EXPECT_EQ(ReadFile(path), Seal("another body"));
  EXPECT_EQ(bundle->bytes(), file);
  EXPECT_EQ(bundle->digest(), ModelDigest{Sha256(file)});
  EXPECT_EQ(bundle->path(), path);
}

TEST(VerifiedBundleTest, NamesTheFileThatIsNone) {
  const std::string path = UniquePath("bundle.pt");
  EXPECT_THAT(VerifiedBundle::Read(path), HasStatus(absl::StatusCode::kNotFound, HasSubstr(path)));
  WriteFile(path, "no bundle");
  EXPECT_THAT(VerifiedBundle::Read(path), HasStatus(absl::StatusCode::kFailedPrecondition, HasSubstr(path)));
  std::string altered = Seal("the body of a bundle");
  altered[3] = 'x';
  WriteFile(path, altered);
  EXPECT_THAT(VerifiedBundle::Read(path), HasStatus(absl::StatusCode::kDataLoss, HasSubstr(path)));
}

}  // namespace
}  // namespace likeness
