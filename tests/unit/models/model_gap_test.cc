#include "server/models/model_gap.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/support/fake_embedder.h"
#include "tests/support/files.h"
#include "tests/support/matchers.h"
#include "tests/support/stores.h"

namespace likeness {
namespace {

using testing::HasSubstr;

constexpr ModelGapWatch::Pace kFast{absl::Milliseconds(1), absl::Milliseconds(1)};

ModelDigest DigestOf(uint8_t name) {
  ModelDigest digest;
  digest.bytes.fill(name);
  return digest;
}

class ModelGapTest : public testing::Test {
 protected:
  static Generation GenerationOf(uint8_t name) {
    auto embedder = std::make_shared<FakeEmbedder>();
    embedder->set_digest(DigestOf(name));
    return {embedder, std::nullopt};
  }

  void Enrol(const std::string& person, uint8_t model) {
    ASSERT_THAT(gallery_->Enrol({.person_id = person,
                                 .request_id = "",
                                 .content = {},
                                 .references = {{"reference of " + person, {DigestOf(model), {1, 0, 0}}}},
                                 .create_time = absl::Now()}),
                IsOk());
  }

  void AwaitGap(int persons, int references) {
    const std::string expected = absl::StrCat("likeness_persons_without_embedding ", persons, "\n");
    const std::string expected_references = absl::StrCat("likeness_references_without_embedding ", references, "\n");
    std::string scraped;
    for (const absl::Time end = absl::Now() + absl::Seconds(30); absl::Now() < end;) {
      scraped = prometheus::TextSerializer().Serialize(metrics_.registry()->Collect());
      if (absl::StrContains(scraped, expected) && absl::StrContains(scraped, expected_references)) return;
      absl::SleepFor(absl::Milliseconds(1));
    }
    EXPECT_THAT(scraped, HasSubstr(expected));
    EXPECT_THAT(scraped, HasSubstr(expected_references));
  }

  Metrics metrics_;
  std::unique_ptr<Gallery> gallery_ = *Gallery::Open(*OpenSqliteStore(UniquePath("gallery.db")), {}, metrics_);
  ActiveGeneration active_{GenerationOf(2)};
};

TEST_F(ModelGapTest, CountsWhomTheModelCannotVerifyAtTheStartAndWhenAnotherAnswers) {
  Enrol("ada", 1);
  Enrol("bob", 1);
  Enrol("eve", 2);
  const ModelGapWatch watch(*gallery_, active_, metrics_, kFast);
  AwaitGap(2, 2);
  ASSERT_THAT(active_.Replace(GenerationOf(1), [] { return absl::OkStatus(); }), IsOk());
  AwaitGap(1, 1);
}

TEST_F(ModelGapTest, SeesThatTheyAreEnrolledAgainOrDeleted) {
  Enrol("ada", 1);
  Enrol("bob", 1);
  const ModelGapWatch watch(*gallery_, active_, metrics_, kFast);
  AwaitGap(2, 2);
  ASSERT_THAT(gallery_->DeletePerson("ada"), IsOk());
  AwaitGap(1, 1);
  ASSERT_THAT(gallery_->DeletePerson("bob"), IsOk());
  Enrol("bob", 2);
  AwaitGap(0, 0);
}

TEST_F(ModelGapTest, SaysHowManyTheyAreAndWhatToDo) {
  const std::string text = Describe({.persons = 7, .references = 9, .enrolled_by = DigestOf(1)}, DigestOf(2));
  EXPECT_THAT(text, HasSubstr("7 people have no embedding by the model that answers, " + DigestOf(2).Hex()));
  EXPECT_THAT(text, HasSubstr(DigestOf(1).Hex() + ". Start the server with that bundle as --model"));
}

}  // namespace
}  // namespace likeness
