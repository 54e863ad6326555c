#include "client/cli/id_prefix.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/client/fake_server.h"

namespace likeness {
namespace {

using ::testing::HasSubstr;

const std::string kFirst = "abcd1" + std::string(59, '0');
const std::string kSecond = "abcd2" + std::string(59, '0');
const IdKind kModel = {"model", "a digest", 64};

TEST(IdPrefixTest, FindsTheOneThatBeginsSo) {
  EXPECT_EQ(IdWithPrefix(kModel, {kFirst, kSecond}, "abcd1").value(), kFirst);
  EXPECT_EQ(IdWithPrefix(kModel, {kFirst, kSecond}, "ABCD2").value(), kSecond);
  EXPECT_EQ(IdWithPrefix(kModel, {kFirst, kSecond}, kSecond).value(), kSecond);
}

TEST(IdPrefixTest, CountsAndNamesThoseOfAnAmbiguousPrefix) {
  const absl::Status status = IdWithPrefix(kModel, {kFirst, kSecond}, "abcd").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("2 models have a digest that begins with abcd: " + kFirst));
}

TEST(IdPrefixTest, ReportsAPrefixThatNoneHas) {
  EXPECT_EQ(IdWithPrefix(kModel, {kFirst, kSecond}, "abcd3").status().code(), absl::StatusCode::kNotFound);
}

TEST(IdPrefixTest, RefusesWhatIsNoPrefix) {
  for (const std::string& prefix : {std::string(), std::string("abc"), std::string("active"), kFirst + "0"}) {
    EXPECT_EQ(IdWithPrefix(kModel, {kFirst}, prefix).status().code(), absl::StatusCode::kInvalidArgument) << prefix;
  }
}

TEST(IdPrefixTest, WantsAsManyDigitsAsItsCallerDoes) {
  EXPECT_EQ(IdWithPrefix(kModel, {kFirst}, "abcd1000000", kFewestDigitsToAllow).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(IdWithPrefix(kModel, {kFirst}, "abcd10000000", kFewestDigitsToAllow).value(), kFirst);
}

TEST(IdPrefixTest, AsksTheServerForTrainings) {
  FakeServer server;
  server.trainings.list_trainings = [](const auto&, v1::ListTrainingsResponse* response) {
    response->add_trainings()->set_training_id("0123" + std::string(28, 'a'));
    response->add_trainings()->set_training_id("0129" + std::string(28, 'b'));
    return grpc::Status::OK;
  };
  TrainingClient client({.target = server.address()});
  EXPECT_EQ(ResolveTrainingId(client, "0129").value(), "0129" + std::string(28, 'b'));
  EXPECT_THAT(std::string(ResolveTrainingId(client, "0125").status().message()),
              HasSubstr("no training with an id that begins with 0125"));
}

}  // namespace
}  // namespace likeness
