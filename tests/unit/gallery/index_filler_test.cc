#include "server/gallery/index_filler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

#include <atomic>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/gallery/sqlite_database.h"
#include "tests/support/files.h"
#include "tests/support/held_database.h"
#include "tests/support/matchers.h"
#include "tests/support/stores.h"
#include "tests/unit/gallery/store_conformance.h"

namespace likeness {
namespace {

class IndexFillerTest : public testing::Test {
 protected:
  IndexFillerTest() {
    auto database = std::make_unique<HeldDatabase>(*SqliteDatabase::Open(UniquePath("gallery.sqlite")), hold_);
    gallery_ = *Gallery::Open(*SqlStore::Open(std::move(database), Protection::Plaintext()), {}, metrics_);
  }

  void Enrol(const std::string& person_id, uint8_t model = 1) {
    const ReferenceEmbedding reference{person_id + "'s", {ModelNamed(model), {1, -1}}};
    ASSERT_THAT(gallery_->Enrol(EnrolmentOf(person_id, {reference})), IsOk());
  }

  IndexFiller Fill() {
    return IndexFiller(*gallery_, [this] { return ModelNamed(model_); });
  }

  // Whether the index comes to hold so many.
  bool Holds(int references) const {
    const std::string line = absl::StrCat("likeness_indexed_references ", references, "\n");
    const absl::Time limit = absl::Now() + absl::Seconds(30);
    while (absl::Now() < limit) {
      const std::string scraped = prometheus::TextSerializer().Serialize(metrics_.registry()->Collect());
      if (scraped.find(line) != std::string::npos) return true;
      absl::SleepFor(absl::Milliseconds(5));
    }
    return false;
  }

  Metrics metrics_;
  const std::shared_ptr<Hold> hold_ = std::make_shared<Hold>();
  std::atomic<uint8_t> model_ = 1;
  std::unique_ptr<Gallery> gallery_;
};

TEST_F(IndexFillerTest, FillsTheIndexBeforeAnybodySearches) {
  for (const char* person : {"ada", "bob", "eve"}) Enrol(person);
  const IndexFiller filler = Fill();
  EXPECT_TRUE(Holds(3));
}

TEST_F(IndexFillerTest, KeepsUpWithWhatIsEnrolled) {
  const IndexFiller filler = Fill();
  Enrol("ada");
  EXPECT_TRUE(Holds(1));
  Enrol("bob");
  EXPECT_TRUE(Holds(2));
}

TEST_F(IndexFillerTest, FillsItAnewForAnotherModel) {
  Enrol("ada");
  Enrol("bob", 2);
  Enrol("eve", 2);
  const IndexFiller filler = Fill();
  ASSERT_TRUE(Holds(1));
  model_ = 2;
  EXPECT_TRUE(Holds(2));
}

// A store that hangs keeps nobody from searching or deleting what is in memory, and the end of the server waits for the
// store only.
TEST_F(IndexFillerTest, HoldsNoLockWhileTheStoreHangs) {
  Enrol("ada");
  ASSERT_THAT(gallery_->FindReferences("ada"), IsOk());
  hold_->Close();
  std::optional<IndexFiller> filler;
  filler.emplace(*gallery_, [] { return ModelNamed(1); });
  while (hold_->waiting() == 0) absl::SleepFor(absl::Milliseconds(1));
  EXPECT_THAT(gallery_->FindReferences("ada"), IsOk());
  EXPECT_EQ(gallery_->size().persons, 1);
  hold_->Open();
  EXPECT_TRUE(Holds(1));
  filler.reset();
}

}  // namespace
}  // namespace likeness
