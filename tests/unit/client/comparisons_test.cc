#include "client/evaluation/comparisons.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/support/matchers.h"

namespace likeness {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;

std::vector<std::pair<std::string, std::string>> PathsOf(const Comparisons& comparisons) {
  std::vector<std::pair<std::string, std::string>> paths;
  ForEachComparison(comparisons, [&](uint32_t a, uint32_t b) {
    paths.emplace_back(comparisons.photos[a].path, comparisons.photos[b].path);
  });
  return paths;
}

TEST(CompareListedTest, TakesThePairsInOrderAndEachPhotoOnce) {
  const auto comparisons = CompareListed({{{"a/1", "a/2", true}, {"a/1", "b/1", false}}});
  ASSERT_THAT(comparisons, IsOk());
  EXPECT_EQ(comparisons->people, 2u);
  EXPECT_THAT(comparisons->photos, SizeIs(3));
  EXPECT_THAT(PathsOf(*comparisons), ElementsAre(Pair("a/1", "a/2"), Pair("a/1", "b/1")));
  EXPECT_THAT(comparisons->folds, IsEmpty());
}

TEST(CompareListedTest, LeavesOutPairsWithSomebodyOfAnotherPart) {
  const PairFolds pairs = {{{"abc/1", "abc/2", true}, {"abc/1", "d/1", false}, {"d/1", "d/2", true}}};
  size_t kept = 0;
  for (uint64_t part = 1; part <= 2; ++part) {
    const auto comparisons = CompareListed(pairs, {part, 2});
    if (comparisons.ok()) kept += comparisons->listed.size();
  }
  EXPECT_EQ(kept, IsInPart("d", {2, 2}) ? 3u : 2u);
  EXPECT_THAT(CompareListed({{{"abc/1", "abc/2", true}}}, {1, 2}),
              HasStatus(absl::StatusCode::kInvalidArgument, HasSubstr("no pair is of people in this part")));
}

TEST(CompareListedTest, KeepsFoldsApart) {
  const auto comparisons =
      CompareListed({{{"a/1", "a/2", true}, {"a/1", "b/1", false}}, {{"b/1", "b/2", true}, {"a/2", "b/2", false}}});
  ASSERT_THAT(comparisons, IsOk());
  EXPECT_THAT(comparisons->folds, ElementsAre(2, 2));
}

TEST(CompareListedTest, RefusesAPairThatIsNotWhatItsFoldersSay) {
  EXPECT_THAT(CompareListed({{{"a/1", "b/1", true}}}),
              HasStatus(absl::StatusCode::kInvalidArgument, HasSubstr("a/1 and b/1")));
}

TEST(CompareAllTest, PairsEveryPhotoWithEveryOther) {
  const auto comparisons = CompareAll({{{"a", "a/1"}, {"a", "a/2"}, {"b", "b/1"}}, 2, 0}, {});
  ASSERT_THAT(comparisons, IsOk());
  EXPECT_THAT(PathsOf(*comparisons), ElementsAre(Pair("a/1", "a/2"), Pair("a/1", "b/1"), Pair("a/2", "b/1")));
}

TEST(CompareAllTest, DividesPeopleAndNotPhotosIntoParts) {
  PhotoFolder folder;
  for (int person = 0; person < 100; ++person) {
    for (int photo = 0; photo < 2; ++photo) {
      folder.photos.push_back({absl::StrCat("p", person), absl::StrCat("p", person, "/", photo)});
    }
  }
  size_t people = 0;
  for (uint64_t part = 1; part <= 3; ++part) {
    const auto comparisons = CompareAll(folder, {part, 3});
    ASSERT_THAT(comparisons, IsOk());
    EXPECT_EQ(comparisons->photos.size(), 2 * comparisons->people);
    EXPECT_GT(comparisons->people, 20u);
    people += comparisons->people;
  }
  EXPECT_EQ(people, 100u);
}

TEST(CompareAllTest, RefusesAPartWithoutAnybody) {
  EXPECT_EQ(CompareAll({}, {}).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(IsInPartTest, GoesByTheNamesDigest) {
  // SHA-256("abc") ends in ad, which is odd.
  EXPECT_TRUE(IsInPart("abc", {2, 2}));
  EXPECT_FALSE(IsInPart("abc", {1, 2}));
  EXPECT_TRUE(IsInPart("anybody", {}));
}

TEST(CompareProbesTest, ComparesEachProbeWithEachReferenceButNotWithItself) {
  std::istringstream probes("ann a/1\nbob b/1\n\n");
  std::istringstream references("ann\ta/1\r\nann a/2\n");
  const auto comparisons = CompareProbes(probes, references);
  ASSERT_THAT(comparisons, IsOk());
  EXPECT_THAT(PathsOf(*comparisons), ElementsAre(Pair("a/1", "a/2"), Pair("b/1", "a/1"), Pair("b/1", "a/2")));
  EXPECT_EQ(comparisons->people, 2u);
}

TEST(CompareProbesTest, NamesTheLineThatIsWrong) {
  for (const auto& [text, message] :
       {std::pair{"ann a/1\nbob\n", "probes: line 2: is not a person's name and a path"},
        {"ann a/1\nbob a/1\n", "probes: line 2: the photo a/1 is said to show two people"},
        {"\n", "probes: the list is empty"}}) {
    std::istringstream probes(text);
    std::istringstream references("ann a/2\n");
    EXPECT_THAT(CompareProbes(probes, references), HasStatus(absl::StatusCode::kInvalidArgument, HasSubstr(message)));
  }
}

}  // namespace
}  // namespace likeness
