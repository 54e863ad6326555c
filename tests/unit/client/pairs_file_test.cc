#include "client/evaluation/pairs_file.h"

#include <sstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace likeness {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

absl::StatusOr<PairFolds> Read(const std::string& text) {
  std::istringstream in(text);
  return ReadPairs(in);
}

TEST(PairsFileTest, ReadsAListWithoutFolds) {
  const absl::StatusOr<PairFolds> folds = Read(
      "2\n"
      "Abdullah_Gul\t13\t14\n"
      "Al_Pacino\t1\t2\n"
      "Abdullah_Gul\t1\tAl_Pacino\t3\n"
      "Al_Pacino\t12345\tAbdullah_Gul\t2\n");
  ASSERT_TRUE(folds.ok()) << folds.status();
  ASSERT_EQ(folds->size(), 1u);
  ASSERT_EQ(folds->at(0).size(), 4u);
  EXPECT_EQ(folds->at(0)[0].photo_a, "Abdullah_Gul/Abdullah_Gul_0013.jpg");
  EXPECT_EQ(folds->at(0)[0].photo_b, "Abdullah_Gul/Abdullah_Gul_0014.jpg");
  EXPECT_TRUE(folds->at(0)[0].genuine);
  EXPECT_EQ(folds->at(0)[3].photo_a, "Al_Pacino/Al_Pacino_12345.jpg");
  EXPECT_EQ(folds->at(0)[3].photo_b, "Abdullah_Gul/Abdullah_Gul_0002.jpg");
  EXPECT_FALSE(folds->at(0)[3].genuine);
}

TEST(PairsFileTest, ReadsAListWithFolds) {
  const absl::StatusOr<PairFolds> folds = Read("2\t1\nA\t1\t2\nA\t1\tB\t1\nB\t1\t2\nB\t1\tC\t1\n");
  ASSERT_TRUE(folds.ok()) << folds.status();
  ASSERT_EQ(folds->size(), 2u);
  ASSERT_EQ(folds->at(0).size(), 2u);
  ASSERT_EQ(folds->at(1).size(), 2u);
  EXPECT_EQ(folds->at(1)[0].photo_a, "B/B_0001.jpg");
}

TEST(PairsFileTest, IgnoresBlankLinesAndCarriageReturns) {
  const absl::StatusOr<PairFolds> folds = Read("1\r\n\r\nA 1 2\r\n\nA 1 B 1");
  ASSERT_TRUE(folds.ok()) << folds.status();
  EXPECT_EQ(folds->at(0)[1].photo_b, "B/B_0001.jpg");
}

TEST(PairsFileTest, NamesEachPhotoOnce) {
  EXPECT_THAT(PhotosOf(Read("1\nB 1 2\nB 2 A 1\n").value()),
              ElementsAre("A/A_0001.jpg", "B/B_0001.jpg", "B/B_0002.jpg"));
}

TEST(PairsFileTest, ReportsTheLineNumberOfAMalformedPair) {
  struct Case {
    const char* name;
    const char* text;
    const char* error;
  };
  const Case cases[] = {
      {"two fields", "1\nA 1\nA 1 B 1\n", "line 2: expected `name i j`"},
      {"five fields", "1\nA 1 2\nA 1 B 1 2\n", "line 3: expected `name i j`"},
      {"a word for a number", "1\nA 1 two\nA 1 B 1\n", "line 2: the number of a photo"},
      {"photo 0", "1\nA 0 2\nA 1 B 1\n", "line 2: the number of a photo"},
      {"a negative number", "1\nA 1 2\nA 1 B -1\n", "line 3: the number of a photo"},
      {"a number that is too large", "1\nA 1 99999999999\nA 1 B 1\n", "line 2: the number of a photo"},
      {"blank lines before", "1\n\n\nA 1\n", "line 4: expected `name i j`"},
      {"too many of a kind", "1\nA 1 2\nA 1 3\n", "line 3: more than 1 genuine pairs"},
      {"too few", "2\nA 1 2\nA 1 3\nA 1 B 1\n", "line 4: the list ends, but its heading promises 0 more genuine and 1"},
      {"a pair too many", "1\nA 1 2\nA 1 B 1\nA 1 B 2\n", "line 4: more pairs than the heading says"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const absl::Status status = Read(c.text).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.error));
  }
}

TEST(PairsFileTest, RefusesAMalformedHeading) {
  for (const char* heading : {"", "\n\n", "ten 300\n", "0\n", "10 0\n", "-1 5\n", "1 2 3\n", "A 1 2\n"}) {
    SCOPED_TRACE(heading);
    EXPECT_THAT(std::string(Read(heading).status().message()), HasSubstr("expected the number of pairs"));
  }
}

TEST(PairsFileTest, ReservesNothingForPairsThatAHeadingOnlyPromises) {
  EXPECT_FALSE(Read("2147483647 2147483647\nA 1 2\n").ok());
}

}  // namespace
}  // namespace likeness
