#include "server/training/people_split.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/support/matchers.h"

namespace likeness {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

std::set<std::string> People(int count) {
  std::set<std::string> people;
  for (int i = 0; i < count; ++i) people.insert(absl::StrCat("person ", i));
  return people;
}

TEST(PeopleSplitTest, HoldsOutThePeopleNamed) {
  const absl::StatusOr<PeopleSplit> split = HoldOutPeople({"ada", "bob", "cem", "dot"}, {"bob", "dot"});
  ASSERT_THAT(split, IsOk());
  EXPECT_THAT(split->trained_on, ElementsAre("ada", "cem"));
  EXPECT_THAT(split->strangers, ElementsAre("bob", "dot"));
}

TEST(PeopleSplitTest, RefusesToHoldOutSomebodyWithoutAPhotoAndNamesNobody) {
  const auto split = HoldOutPeople({"ada", "bob", "cem"}, {"eve"});
  EXPECT_THAT(split.status(), FailsWith(Reason::FIELD_INVALID, "held_out_people"));
  EXPECT_THAT(std::string(split.status().message()), Not(HasSubstr("eve")));
}

TEST(PeopleSplitTest, RefusesToLeaveFewerThanTwoPeopleToTrainOn) {
  EXPECT_THAT(HoldOutPeople({"ada", "bob", "cem"}, {"ada", "bob"}).status(),
              FailsWith(Reason::FIELD_INVALID, "held_out_people"));
  EXPECT_THAT(HoldOutShare(People(3), 0.2, 1).status(), FailsWith(Reason::FIELD_INVALID, "held_out_share"));
  EXPECT_THAT(HoldOutShare(People(10), 0.9, 1).status(), FailsWith(Reason::FIELD_INVALID, "held_out_share"));
}

TEST(PeopleSplitTest, HoldsOutTheShareRoundedAndTwoAtLeast) {
  struct Case {
    int people;
    double share;
    size_t strangers;
  };
  for (const Case& c :
       {Case{40, 0.2, 8}, Case{40, 0, 0}, Case{2, 0, 0}, Case{4, 0.01, 2}, Case{11, 0.25, 3}, Case{100, 0.9, 90}}) {
    const absl::StatusOr<PeopleSplit> split = HoldOutShare(People(c.people), c.share, /*seed=*/1);
    ASSERT_THAT(split, IsOk()) << c.people << " " << c.share;
    EXPECT_EQ(split->strangers.size(), c.strangers) << c.people << " " << c.share;
    EXPECT_EQ(split->trained_on.size(), static_cast<size_t>(c.people) - c.strangers);
    for (const std::string& stranger : split->strangers) EXPECT_EQ(split->trained_on.count(stranger), 0u);
  }
}

TEST(PeopleSplitTest, RefusesAShareOutOfItsRange) {
  for (double share : {-0.1, 0.91, std::numeric_limits<double>::quiet_NaN()}) {
    EXPECT_THAT(HoldOutShare(People(40), share, 1).status(), FailsWith(Reason::FIELD_INVALID, "held_out_share"))
        << share;
  }
}

TEST(PeopleSplitTest, HoldsOutTheSamePeopleForTheSameSeed) {
  EXPECT_EQ(HoldOutShare(People(40), 0.2, 1)->strangers, HoldOutShare(People(40), 0.2, 1)->strangers);
  EXPECT_NE(HoldOutShare(People(40), 0.2, 1)->strangers, HoldOutShare(People(40), 0.2, 2)->strangers);
}

}  // namespace
}  // namespace likeness
