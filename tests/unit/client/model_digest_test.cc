#include "client/cli/model_digest.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace likeness {
namespace {

using ::testing::HasSubstr;

const std::string kFirst = "abcd1" + std::string(59, '0');
const std::string kSecond = "abcd2" + std::string(59, '0');

v1::ListModelsResponse TwoModels() {
  v1::ListModelsResponse models;
  for (const std::string& digest : {kFirst, kSecond}) models.add_models()->mutable_model()->set_digest(digest);
  return models;
}

TEST(ModelDigestTest, FindsTheOneModelThatBeginsSo) {
  EXPECT_EQ(DigestWithPrefix(TwoModels(), "abcd1").value(), kFirst);
  EXPECT_EQ(DigestWithPrefix(TwoModels(), "ABCD2").value(), kSecond);
  EXPECT_EQ(DigestWithPrefix(TwoModels(), kSecond).value(), kSecond);
}

TEST(ModelDigestTest, NamesTheModelsOfAnAmbiguousPrefix) {
  const absl::Status status = DigestWithPrefix(TwoModels(), "abcd").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("2 models have a digest that begins with abcd: " + kFirst));
}

TEST(ModelDigestTest, ReportsAPrefixThatNoModelHas) {
  EXPECT_EQ(DigestWithPrefix(TwoModels(), "abcd3").status().code(), absl::StatusCode::kNotFound);
}

TEST(ModelDigestTest, RefusesWhatIsNoPrefixOfADigest) {
  for (const std::string& prefix : {std::string(), std::string("abc"), std::string("active"), kFirst + "0"}) {
    EXPECT_EQ(DigestWithPrefix(TwoModels(), prefix).status().code(), absl::StatusCode::kInvalidArgument) << prefix;
  }
}

}  // namespace
}  // namespace likeness
