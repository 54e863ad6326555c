#include "client/evaluation_page/pair_figures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace likeness {
namespace {

using testing::HasSubstr;

TEST(PairFiguresTest, SaysWhatAPairIsAndHowFarApart) {
  const std::string html = PairFigures(
      {{.photo_a = "a", .photo_b = "b", .distance = 0.75, .genuine = false},
       {.photo_a = "c", .photo_b = "d", .distance = std::numeric_limits<double>::infinity(), .genuine = true}},
      "none");
  EXPECT_THAT(html, HasSubstr("two people, distance <strong>0.7500</strong>"));
  EXPECT_THAT(html, HasSubstr("the same person, <strong>no distance</strong>: a photo failed"));
}

TEST(PairFiguresTest, MarksPairsThatAreDecidedWrongly) {
  const std::string html =
      PairFigures({{.photo_a = "a", .photo_b = "b", .distance = 0.75, .wrong = true},
                   {.photo_a = "c", .photo_b = "d", .distance = 1.5, .genuine = true, .wrong = true},
                   {.photo_a = "e", .photo_b = "f", .distance = 1.5}},
                  "none");
  EXPECT_THAT(html, HasSubstr("<strong>0.7500</strong>: <strong class=\"wrong\">false match</strong>"));
  EXPECT_THAT(html, HasSubstr("<strong>1.5000</strong>: <strong class=\"wrong\">false non-match</strong>"));
  EXPECT_THAT(html, HasSubstr("two people, distance <strong>1.5000</strong></figcaption>"));
}

TEST(PairFiguresTest, DoesNotShowAHugePhoto) {
  const std::string huge = "\xFF\xD8\xFF" + std::string(2'000'000, 'x');
  EXPECT_THAT(PairFigures({{.photo_a = "a", .photo_b = "b", .bytes_a = huge}}, ""), HasSubstr("2.0 MB, too large"));
}

TEST(PairFiguresTest, SaysThatThereAreNone) {
  EXPECT_THAT(PairFigures({}, "no <pairs>"), HasSubstr("no &lt;pairs&gt;"));
}

}  // namespace
}  // namespace likeness
