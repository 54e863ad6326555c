#include "server/gallery/gallery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/barrier.h"
#include "tests/support/files.h"
#include "tests/support/matchers.h"
#include "tests/support/stores.h"
#include "tests/unit/gallery/store_conformance.h"

namespace likeness {
namespace {

using testing::Field;
using testing::HasSubstr;
using testing::IsNull;
using testing::Pointee;
using testing::SizeIs;

// The real store, which counts what it is asked and fails when it is told to.
class WatchedStore : public Store {
 public:
  absl::StatusOr<std::optional<EnrolmentResult>> FindEnrolment(absl::string_view request_id,
                                                               const ContentDigest& content) override {
    return store_->FindEnrolment(request_id, content);
  }
  absl::StatusOr<EnrolmentResult> Enrol(const Enrolment& enrolment, const EnrolmentLimits& limits,
                                        const EnrolmentReview* review = nullptr) override {
    absl::StatusOr<EnrolmentResult> result = store_->Enrol(enrolment, limits, review);
    // The worst case: the change was made, but its answer was lost.
    if (lose_answers) return MakeError(Reason::STORE_FAILED, "the connection was lost");
    return result;
  }
  absl::StatusOr<int64_t> PersonsEnrolledBy(absl::string_view caller) override {
    return store_->PersonsEnrolledBy(caller);
  }
  absl::StatusOr<std::vector<ReferenceEmbedding>> References(absl::string_view person_id) override {
    ++lookups;
    absl::StatusOr<std::vector<ReferenceEmbedding>> references = store_->References(person_id);
    if (after_lookup) after_lookup();
    return references;
  }
  absl::StatusOr<PersonRecord> GetPerson(absl::string_view person_id) override { return store_->GetPerson(person_id); }
  absl::StatusOr<std::vector<PersonRecord>> ListPersons(absl::string_view after, int limit) override {
    return store_->ListPersons(after, limit);
  }
  absl::StatusOr<DeletionResult> DeletePerson(absl::string_view person_id) override {
    if (refuse_deletions) return MakeError(Reason::STORE_FAILED, "the connection was lost");
    absl::StatusOr<DeletionResult> result = store_->DeletePerson(person_id);
    if (lose_answers) return MakeError(Reason::STORE_FAILED, "the connection was lost");
    return result;
  }
  absl::StatusOr<DeletionResult> DeleteReference(absl::string_view person_id, absl::string_view reference_id) override {
    return store_->DeleteReference(person_id, reference_id);
  }
  absl::StatusOr<PersonData> ReadPersonData(absl::string_view person_id) override {
    return store_->ReadPersonData(person_id);
  }
  absl::StatusOr<GallerySize> Size() override {
    if (lose_answers) return MakeError(Reason::STORE_FAILED, "the connection was lost");
    return store_->Size();
  }
  Coordination& coordination() override { return store_->coordination(); }
  MismatchLedger& mismatches() override { return store_->mismatches(); }
  absl::StatusOr<int64_t> AllowModel(const ModelDigest& model) override { return store_->AllowModel(model); }
  absl::StatusOr<bool> IsModelAllowed(const ModelDigest& model) override { return store_->IsModelAllowed(model); }
  absl::StatusOr<ModelGap> GapOf(const ModelDigest& model) override { return store_->GapOf(model); }
  absl::StatusOr<ModelCoverage> Coverage(const ModelDigest& model, const EmbeddingSources& sources) override {
    return store_->Coverage(model, sources);
  }
  absl::StatusOr<std::vector<std::string>> PersonsWithoutCrop(const ModelDigest& model, const EmbeddingSources& sources,
                                                              int limit) override {
    return store_->PersonsWithoutCrop(model, sources, limit);
  }
  absl::StatusOr<std::vector<UnembeddedReference>> Unembedded(const ModelDigest& model, const EmbeddingSources& sources,
                                                              int64_t after, int limit) override {
    return store_->Unembedded(model, sources, after, limit);
  }
  absl::Status AddEmbeddings(absl::Span<const UnembeddedReference> references,
                             absl::Span<const Embedding> embeddings) override {
    return store_->AddEmbeddings(references, embeddings);
  }
  absl::StatusOr<std::vector<NumberedEmbedding>> EmbeddingsBy(const ModelDigest& model, int64_t after,
                                                              int limit) override {
    ++pages;
    absl::StatusOr<std::vector<NumberedEmbedding>> page = store_->EmbeddingsBy(model, after, limit);
    if (const auto then = std::exchange(after_page, nullptr)) then();
    return page;
  }
  absl::StatusOr<EmbeddingDeletion> DeleteEmbeddings(const ModelDigest& model) override {
    return store_->DeleteEmbeddings(model);
  }

  absl::StatusOr<GalleryChanges> ChangesAfter(const GalleryPosition& seen) override {
    return store_->ChangesAfter(seen);
  }
  bool shared() const override { return store_->shared(); }
  void AwaitChange(absl::Duration limit) override { store_->AwaitChange(limit); }
  absl::Status ForgetChanges(absl::Duration age) override { return store_->ForgetChanges(age); }
  absl::StatusOr<KeyRotation> RotateKeys(absl::string_view after, int limit) override {
    return store_->RotateKeys(after, limit);
  }
  absl::StatusOr<KeyRotation> EncryptPersons(absl::string_view after, int limit) override {
    return store_->EncryptPersons(after, limit);
  }
  absl::StatusOr<int64_t> PersonsToEncrypt() override { return store_->PersonsToEncrypt(); }
  UnfinishedProtection found_unfinished() const override { return store_->found_unfinished(); }

  int lookups = 0;
  std::atomic<int> pages = 0;
  bool lose_answers = false;
  bool refuse_deletions = false;
  std::function<void()> after_lookup;
  std::function<void()> after_page;  // once

 private:
  const std::unique_ptr<Store> store_ = *OpenSqliteStore(UniquePath("gallery.sqlite"));
};

class GalleryTest : public testing::Test {
 protected:
  explicit GalleryTest(GalleryOptions options = {}) {
    auto store = std::make_unique<WatchedStore>();
    store_ = store.get();
    gallery_ = *Gallery::Open(std::move(store), options, metrics_);
  }

  void Enrol(const std::string& person_id, const std::string& reference_id) {
    ASSERT_THAT(gallery_->Enrol(EnrolmentOf(person_id, {ReferenceNamed(reference_id)})), IsOk());
  }

  std::string Scrape() const { return prometheus::TextSerializer().Serialize(metrics_.registry()->Collect()); }

  Metrics metrics_;
  WatchedStore* store_;
  std::unique_ptr<Gallery> gallery_;
};

TEST_F(GalleryTest, TouchesNoDiskForAPersonItHasInMemory) {
  Enrol("ada", "r1");
  EXPECT_THAT(gallery_->FindReferences("ada"), IsOkAndHolds(Pointee(SizeIs(1))));
  EXPECT_THAT(gallery_->FindReferences("ada"), IsOkAndHolds(Pointee(SizeIs(1))));
  EXPECT_EQ(store_->lookups, 1);
  EXPECT_THAT(Scrape(), HasSubstr("likeness_cache_lookups_total{result=\"hit\"} 1"));
  EXPECT_THAT(Scrape(), HasSubstr("likeness_cache_lookups_total{result=\"miss\"} 1"));
  EXPECT_THAT(Scrape(), HasSubstr("likeness_cached_references 1"));
}

TEST_F(GalleryTest, SeesEveryChangeAtTheNextLook) {
  Enrol("ada", "r1");
  ASSERT_THAT(gallery_->FindReferences("ada"), IsOkAndHolds(Pointee(SizeIs(1))));
  Enrol("ada", "r2");
  ASSERT_THAT(gallery_->FindReferences("ada"), IsOkAndHolds(Pointee(SizeIs(2))));
  ASSERT_THAT(gallery_->DeleteReference("ada", "r1"), IsOkAndHolds(HasReferences(1)));
  ASSERT_THAT(gallery_->FindReferences("ada"), IsOkAndHolds(Pointee(SizeIs(1))));
  ASSERT_THAT(gallery_->DeletePerson("ada"), IsOkAndHolds(HasReferences(1)));
  EXPECT_THAT(gallery_->FindReferences("ada"), FailsWith(Reason::PERSON_NOT_FOUND));
}

TEST_F(GalleryTest, DoesNotTrustItsMemoryAfterAChangeWhoseOutcomeIsUnknown) {
  Enrol("ada", "r1");
  ASSERT_THAT(gallery_->FindReferences("ada"), IsOk());
  store_->lose_answers = true;
  EXPECT_THAT(gallery_->Enrol(EnrolmentOf("ada", {ReferenceNamed("r2")})), FailsWith(Reason::STORE_FAILED));
  EXPECT_THAT(gallery_->FindReferences("ada"), IsOkAndHolds(Pointee(SizeIs(2))));
}

TEST_F(GalleryTest, DoesNotKeepWhatChangedWhileItWasRead) {
  Enrol("ada", "r1");
  store_->after_lookup = [&] {
    store_->after_lookup = nullptr;
    Enrol("ada", "r2");
  };
  EXPECT_THAT(gallery_->FindReferences("ada"), IsOkAndHolds(Pointee(SizeIs(1))));  // as it was when it was read
  EXPECT_THAT(gallery_->FindReferences("ada"), IsOkAndHolds(Pointee(SizeIs(2))));
}

TEST_F(GalleryTest, AsksTheStoreAgainForAPersonWhoWasNotThere) {
  EXPECT_THAT(gallery_->FindReferences("ada"), FailsWith(Reason::PERSON_NOT_FOUND));
  Enrol("ada", "r1");
  EXPECT_THAT(gallery_->FindReferences("ada"), IsOkAndHolds(Pointee(SizeIs(1))));
}

TEST_F(GalleryTest, FindsAFaceAmongAllThatAreEnrolledNow) {
  const auto nearest = [this](uint8_t model, const std::string& except) {
    const auto found = gallery_->FindNearestOther({ModelNamed(model), {1, -1}}, except);
    EXPECT_THAT(found, IsOk());
    return found.ok() && found->has_value() ? (*found)->person_id : "";
  };
  EXPECT_EQ(nearest(1, ""), "");
  Enrol("ada", "r1");
  EXPECT_EQ(nearest(1, ""), "ada");
  EXPECT_EQ(nearest(1, "ada"), "");
  EXPECT_EQ(nearest(2, ""), "") << "of another model";
  Enrol("bob", "r2");
  EXPECT_EQ(nearest(1, "ada"), "bob");
  ASSERT_THAT(gallery_->DeleteReference("bob", "r2"), IsOk());
  EXPECT_EQ(nearest(1, "ada"), "");
  ASSERT_THAT(gallery_->DeletePerson("ada"), IsOk());
  EXPECT_EQ(nearest(1, ""), "");
  EXPECT_THAT(Scrape(), HasSubstr("likeness_indexed_references 0"));
}

// Nothing is locked meanwhile: this once waited for itself.
TEST_F(GalleryTest, DoesNotTakeInAFaceThatWasDeletedWhileItWasRead) {
  Enrol("ada", "r1");
  Enrol("bob", "r2");
  store_->after_page = [&] { ASSERT_THAT(gallery_->DeletePerson("ada"), IsOk()); };
  EXPECT_THAT(gallery_->FindNearestOther({ModelNamed(1), {1, -1}}, "bob"), IsOkAndHolds(std::nullopt));
  EXPECT_THAT(Scrape(), HasSubstr("likeness_indexed_references 1"));
}

TEST_F(GalleryTest, TakesInAFaceThatWasDeletedAndEnrolledAgainWhileItWasRead) {
  Enrol("ada", "r1");
  store_->after_page = [&] {
    ASSERT_THAT(gallery_->DeletePerson("ada"), IsOk());
    Enrol("ada", "r2");
  };
  // What was enrolled meanwhile is held against the probe when that is written, or at the next look.
  ASSERT_THAT(gallery_->FindNearestOther({ModelNamed(1), {1, -1}}, "bob"), IsOk());
  const auto found = gallery_->FindNearestOther({ModelNamed(1), {1, -1}}, "bob");
  ASSERT_THAT(found, IsOk());
  EXPECT_TRUE(found->has_value());
  EXPECT_THAT(Scrape(), HasSubstr("likeness_indexed_references 1"));
}

TEST_F(GalleryTest, TakesInAFaceThatWasEmbeddedAnewWhileItWasRead) {
  Enrolment enrolment = EnrolmentOf("ada", {ReferenceNamed("r1")});
  enrolment.crops.push_back({"kind", "crop"});
  ASSERT_THAT(gallery_->Enrol(enrolment), IsOk());
  Enrolment by_other = EnrolmentOf("bob", {{"r2", {ModelNamed(2), {5, 5, 5}}}});
  ASSERT_THAT(gallery_->Enrol(by_other), IsOk());
  store_->after_page = [&] {
    const auto unembedded = gallery_->Unembedded(ModelNamed(2), {"kind"}, 0, 10);
    ASSERT_THAT(unembedded, IsOk());
    ASSERT_THAT(gallery_->AddEmbeddings(*unembedded, {{ModelNamed(2), {1, 2, 3}}}), IsOk());
  };
  const auto found = gallery_->FindNearestOther({ModelNamed(2), {1, 2, 3}}, "eve");
  ASSERT_THAT(found, IsOk());
  ASSERT_TRUE(found->has_value());
  EXPECT_EQ((*found)->person_id, "ada") << "though the page that was on its way had gone past her";
}

TEST_F(GalleryTest, AsksAnewForAFaceWhoseDeletionHasAnUnknownOutcome) {
  const Embedding probe{ModelNamed(1), {1, -1}};
  Enrol("ada", "r1");
  ASSERT_TRUE(gallery_->FindNearestOther(probe, "bob")->has_value());
  store_->refuse_deletions = true;
  ASSERT_THAT(gallery_->DeletePerson("ada"), FailsWith(Reason::STORE_FAILED));
  EXPECT_TRUE(gallery_->FindNearestOther(probe, "bob")->has_value()) << "it was not deleted";
  store_->refuse_deletions = false;
  store_->lose_answers = true;
  ASSERT_THAT(gallery_->DeletePerson("ada"), FailsWith(Reason::STORE_FAILED));
  EXPECT_FALSE(gallery_->FindNearestOther(probe, "bob")->has_value()) << "it was";
}

TEST_F(GalleryTest, StopsReadingForASearchThatNobodyWaitsFor) {
  Enrol("ada", "r1");
  const Embedding probe{ModelNamed(1), {1, -1}};
  EXPECT_THAT(gallery_->FindNearestOthers({&probe, 1}, "bob", nullptr,
                                          [] { return MakeError(Reason::CANCELLED, "the caller has gone"); }),
              FailsWith(Reason::CANCELLED));
  EXPECT_EQ(store_->pages, 0);
}

TEST_F(GalleryTest, SaysUpToWhereItLooked) {
  Enrol("ada", "r1");
  Enrol("bob", "r2");
  ASSERT_THAT(gallery_->DeletePerson("bob"), IsOk());
  const std::vector<Embedding> probes = {{ModelNamed(1), {1, -1}}, {ModelNamed(1), {0, 0}}};
  const auto found = gallery_->FindNearestOthers(probes, "eve", nullptr, [] { return absl::OkStatus(); });
  ASSERT_THAT(found, IsOk());
  EXPECT_THAT(found->nearest, SizeIs(2));
  EXPECT_EQ(found->number, 1) << "the number of the last one that is there";
  EXPECT_EQ(found->nearest[0]->distance, 0);
}

TEST_F(GalleryTest, GivesWayInTheBackgroundWhileACallReads) {
  Enrol("ada", "r1");
  store_->after_page = [&] {
    EXPECT_THAT(gallery_->FillIndex(ModelNamed(1)), IsOkAndHolds(LiveIndex::Ahead::kGaveWay));
  };
  ASSERT_THAT(gallery_->FindNearestOther({ModelNamed(1), {1, -1}}, ""), IsOk());
  Enrol("bob", "r2");
  EXPECT_THAT(gallery_->FillIndex(ModelNamed(1)), IsOkAndHolds(LiveIndex::Ahead::kDone));
  EXPECT_THAT(Scrape(), HasSubstr("likeness_indexed_references 2"));
  const int pages = store_->pages;
  EXPECT_THAT(gallery_->FillIndex(ModelNamed(1)), IsOkAndHolds(LiveIndex::Ahead::kDone));
  EXPECT_EQ(store_->pages, pages) << "the store is asked only when there is news";
}

// Of searches, deletions and enrolments on many threads, all that stays is found in the end, and nothing else.
TEST_F(GalleryTest, FindsInTheEndWhatIsThereHoweverManyChangeItAtOnce) {
  constexpr int kThreads = 4, kRounds = 25;
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&, thread] {
        const std::string person = absl::StrCat("person ", thread);
        for (int round = 0; round < kRounds; ++round) {
          const auto reference = ReferenceNamed(absl::StrCat(thread, "-", round), static_cast<float>(thread));
          EXPECT_THAT(gallery_->Enrol(EnrolmentOf(person, {reference})), IsOk());
          EXPECT_THAT(gallery_->FindNearestOther(reference.embedding, person), IsOk());
          if (round + 1 < kRounds || thread % 2 == 0) {
            EXPECT_THAT(gallery_->DeletePerson(person), IsOk());
          }
        }
      });
    }
    threads.emplace_back([&] {
      for (int i = 0; i < 100; ++i) EXPECT_THAT(gallery_->FillIndex(ModelNamed(1)), IsOk());
    });
  }
  for (int thread = 0; thread < kThreads; ++thread) {
    const auto found = gallery_->FindNearestOther(ReferenceNamed("", static_cast<float>(thread)).embedding, "");
    ASSERT_THAT(found, IsOk());
    ASSERT_TRUE(found->has_value());
    EXPECT_EQ((*found)->distance == 0, thread % 2 == 1) << thread;
  }
  EXPECT_THAT(Scrape(), HasSubstr("likeness_indexed_references 2"));
}

TEST_F(GalleryTest, MeasuresTheCrowdingOfAReferenceOnceAndKeepsIt) {
  int measured = 0;
  gallery_->KeepCrowding([&measured](const Embedding& embedding) -> std::optional<double> {
    ++measured;
    if (embedding.model != ModelNamed(1)) return std::nullopt;
    return 0.75;
  });
  Enrol("ada", "r1");
  for (int look = 0; look < 3; ++look) {
    const absl::StatusOr<References> found = gallery_->FindReferences("ada");
    ASSERT_THAT(found, IsOk());
    EXPECT_EQ((**found)[0].crowding, 0.75);
  }
  EXPECT_EQ(measured, 1);
}

// It once asked for the active model's: a search by the model before found no duplicate at all.
TEST_F(GalleryTest, MeasuresTheCrowdingOfTheIndexByTheProbesModel) {
  Enrol("ada", "r1");
  const absl::StatusOr<Cohort> cohort = Cohort::Create({-1, 0, 0, 1}, 2, {.nearest = 1, .cap = 0.25});
  ASSERT_THAT(cohort, IsOk());
  const auto nearest = gallery_->FindNearestOther({ModelNamed(1), {1, -1}}, "", &*cohort);
  ASSERT_THAT(nearest, IsOk());
  ASSERT_TRUE(nearest->has_value());
  EXPECT_EQ((*nearest)->crowding, 0.25) << "far from every centroid, so at the cap";
}

TEST_F(GalleryTest, SeeksAmongReferencesThatWereEmbeddedAnew) {
  Enrolment enrolment = EnrolmentOf("ada", {ReferenceNamed("r1")});
  enrolment.crops.push_back({"kind", "crop"});
  ASSERT_THAT(gallery_->Enrol(enrolment), IsOk());
  const Embedding probe{ModelNamed(2), {1, 1, 1}};
  ASSERT_THAT(gallery_->FindNearestOther(probe, ""), IsOkAndHolds(std::nullopt));
  const auto unembedded = gallery_->Unembedded(ModelNamed(2), {"kind"}, 0, 10);
  ASSERT_THAT(unembedded, IsOk());
  ASSERT_THAT(gallery_->AddEmbeddings(*unembedded, {{ModelNamed(2), {1, 2, 3}}}), IsOk());
  const auto found = gallery_->FindNearestOther(probe, "");
  ASSERT_THAT(found, IsOk());
  ASSERT_TRUE(found->has_value());
  EXPECT_EQ((*found)->person_id, "ada");
  ASSERT_THAT(gallery_->DeleteEmbeddings(ModelNamed(2)), IsOk());
  EXPECT_THAT(gallery_->FindNearestOther(probe, ""), IsOkAndHolds(std::nullopt));
}

TEST_F(GalleryTest, KeepsItsSizeInTheMetrics) {
  EXPECT_THAT(Scrape(), HasSubstr("likeness_gallery_persons 0"));
  ASSERT_THAT(gallery_->Enrol(EnrolmentOf("ada", {ReferenceNamed("r1"), ReferenceNamed("r2")}, "request", 1)), IsOk());
  ASSERT_THAT(gallery_->Enrol(EnrolmentOf("ada", {ReferenceNamed("r1"), ReferenceNamed("r2")}, "request", 1)), IsOk());
  Enrol("bob", "r3");
  EXPECT_THAT(Scrape(), HasSubstr("likeness_gallery_persons 2"));
  EXPECT_THAT(Scrape(), HasSubstr("likeness_gallery_references 3"));
  ASSERT_THAT(gallery_->DeleteReference("bob", "r3"), IsOk());
  ASSERT_THAT(gallery_->DeletePerson("ada"), IsOk());
  EXPECT_THAT(gallery_->DeletePerson("ada"), FailsWith(Reason::PERSON_NOT_FOUND));
  EXPECT_THAT(Scrape(), HasSubstr("likeness_gallery_persons 1"));
  EXPECT_THAT(Scrape(), HasSubstr("likeness_gallery_references 0"));
}

TEST_F(GalleryTest, CountsRightWhenManyEnrolAtOnce) {
  constexpr int kThreads = 4, kRounds = 10;
  auto* barrier = new absl::Barrier(kThreads);
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      if (barrier->Block()) delete barrier;
      for (int i = 0; i < kRounds; ++i) Enrol(absl::StrCat("person ", thread), absl::StrCat("r", thread, "-", i));
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(Scrape(), HasSubstr(absl::StrCat("likeness_gallery_persons ", kThreads, "\n")));
  EXPECT_THAT(Scrape(), HasSubstr(absl::StrCat("likeness_gallery_references ", kThreads * kRounds, "\n")));
}

TEST(GalleryOpenTest, CountsWhatIsThereAlready) {
  auto store = std::make_unique<WatchedStore>();
  ASSERT_THAT(store->Enrol(EnrolmentOf("ada", {ReferenceNamed("r1"), ReferenceNamed("r2")}), {}), IsOk());
  Metrics metrics;
  ASSERT_THAT(Gallery::Open(std::move(store), {}, metrics), IsOk());
  const std::string scraped = prometheus::TextSerializer().Serialize(metrics.registry()->Collect());
  EXPECT_THAT(scraped, HasSubstr("likeness_gallery_persons 1"));
  EXPECT_THAT(scraped, HasSubstr("likeness_gallery_references 2"));
}

TEST(GalleryOpenTest, FailsWithAStoreThatCannotBeCounted) {
  auto store = std::make_unique<WatchedStore>();
  store->lose_answers = true;
  Metrics metrics;
  EXPECT_THAT(Gallery::Open(std::move(store), {}, metrics), FailsWith(Reason::STORE_FAILED));
}

TEST(GalleryOptionsTest, LimitTheReferencesOfAPersonAndTheCache) {
  Metrics metrics;
  auto store = std::make_unique<WatchedStore>();
  WatchedStore* watched = store.get();
  const auto gallery =
      Gallery::Open(std::move(store), {.cached_references = 0, .max_references_per_person = 1}, metrics);
  ASSERT_THAT(gallery, IsOk());
  ASSERT_THAT((*gallery)->Enrol(EnrolmentOf("ada", {ReferenceNamed("r1")})), IsOk());
  EXPECT_THAT((*gallery)->Enrol(EnrolmentOf("ada", {ReferenceNamed("r2")})), FailsWith(Reason::TOO_MANY_REFERENCES));
  ASSERT_THAT((*gallery)->FindReferences("ada"), IsOk());
  ASSERT_THAT((*gallery)->FindReferences("ada"), IsOk());
  EXPECT_EQ(watched->lookups, 2);
}

TEST_F(GalleryTest, SeesEmbeddingsByAnotherModelAsSoonAsTheyAreAdded) {
  Enrolment enrolment = EnrolmentOf("ada", {ReferenceNamed("r1")});
  enrolment.crops = {{"arcface112", "crop"}};
  ASSERT_THAT(gallery_->Enrol(enrolment), IsOk());
  ASSERT_THAT(gallery_->FindReferences("ada"), IsOkAndHolds(Pointee(SizeIs(1))));
  const auto unembedded = gallery_->Unembedded(ModelNamed(2), {"arcface112"}, 0, 10);
  ASSERT_THAT(unembedded, IsOk());
  ASSERT_THAT(gallery_->AddEmbeddings(*unembedded, {{ModelNamed(2), {5}}}), IsOk());
  EXPECT_THAT(gallery_->FindReferences("ada"), IsOkAndHolds(Pointee(SizeIs(2))));
  EXPECT_THAT(gallery_->DeleteEmbeddings(ModelNamed(1)), IsOkAndHolds(Field(&EmbeddingDeletion::embeddings, 1)));
  EXPECT_THAT(gallery_->FindReferences("ada"), IsOkAndHolds(Pointee(SizeIs(1))));
}

}  // namespace
}  // namespace likeness
