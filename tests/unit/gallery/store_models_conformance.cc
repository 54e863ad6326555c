// What a store promises about models: embeddings by several of them, crops to make new ones from, and which one
// answers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/matchers.h"
#include "tests/unit/gallery/store_conformance.h"

namespace likeness {
namespace {

using testing::ElementsAre;
using testing::Field;
using testing::IsEmpty;
using testing::SizeIs;

constexpr EnrolmentLimits kMany = {.references = 1000};
constexpr char kKind[] = "arcface112";

Enrolment WithCrops(Enrolment enrolment, const std::string& kind = kKind) {
  for (const ReferenceEmbedding& reference : enrolment.references) {
    enrolment.crops.push_back({kind, "crop of " + reference.reference_id});
  }
  return enrolment;
}

MATCHER_P3(Covers, references, embedded, embeddable, "") {
  return arg.references == references && arg.embedded == embedded && arg.embeddable == embeddable;
}

TEST_P(StoreConformanceTest, KnowsWhichModelsAreAllowed) {
  EXPECT_THAT(store_->IsModelAllowed(ModelNamed(1)), IsOkAndHolds(false));
  ASSERT_THAT(store_->AllowModel(ModelNamed(1)), IsOk());
  ASSERT_THAT(store_->AllowModel(ModelNamed(1)), IsOk());
  EXPECT_THAT(store_->IsModelAllowed(ModelNamed(1)), IsOkAndHolds(true));
  EXPECT_THAT(store_->IsModelAllowed(ModelNamed(2)), IsOkAndHolds(false));
  ASSERT_THAT(store_->coordination().RetireModel(ModelNamed(1), ModelNamed(9)), IsOk());
  EXPECT_THAT(store_->IsModelAllowed(ModelNamed(1)), IsOkAndHolds(false));
}

TEST_P(StoreConformanceTest, KnowsWhomAModelCannotAnswerFor) {
  const auto gap = [&](int model) {
    const absl::StatusOr<ModelGap> found = store_->GapOf(ModelNamed(model));
    EXPECT_THAT(found, IsOk());
    return *found;
  };
  EXPECT_EQ(gap(1).persons, 0) << "nobody is enrolled";
  ASSERT_THAT(store_->Enrol(WithCrops(EnrolmentOf("ada", {ReferenceNamed("r1"), ReferenceNamed("r2")})), kMany),
              IsOk());
  ASSERT_THAT(store_->Enrol(WithCrops(EnrolmentOf("bob", {ReferenceNamed("r3")})), kMany), IsOk());
  EXPECT_EQ(gap(1).persons, 0);
  EXPECT_EQ(gap(1).references, 0);
  EXPECT_FALSE(gap(1).enrolled_by.has_value());
  EXPECT_EQ(gap(2).persons, 2);
  EXPECT_EQ(gap(2).references, 3);
  EXPECT_EQ(gap(2).enrolled_by, ModelNamed(1));

  const auto unembedded = store_->Unembedded(ModelNamed(2), {kKind}, 0, 1);  // Ada's first reference
  ASSERT_THAT(unembedded, IsOk());
  ASSERT_THAT(store_->AddEmbeddings(*unembedded, {{{ModelNamed(2), {1, 2}}}}), IsOk());
  EXPECT_EQ(gap(2).persons, 1);
  EXPECT_EQ(gap(2).references, 2);
  ASSERT_THAT(store_->DeletePerson("bob"), IsOk());
  EXPECT_EQ(gap(2).persons, 0) << "Ada has one that she can be compared with";
  EXPECT_EQ(gap(2).references, 1);
}

TEST_P(StoreConformanceTest, KnowsWhatAnotherModelCanEmbed) {
  ASSERT_THAT(store_->Enrol(WithCrops(EnrolmentOf("ada", {ReferenceNamed("r1"), ReferenceNamed("r2")})), kMany),
              IsOk());
  ASSERT_THAT(store_->Enrol(WithCrops(EnrolmentOf("bob", {ReferenceNamed("r3")}), "whole100x100"), kMany), IsOk());
  ASSERT_THAT(store_->Enrol(EnrolmentOf("eve", {ReferenceNamed("r4")}), kMany), IsOk());
  EXPECT_THAT(store_->Coverage(ModelNamed(1), {kKind}), IsOkAndHolds(Covers(4, 4, 0)));
  EXPECT_THAT(store_->Coverage(ModelNamed(2), {kKind}), IsOkAndHolds(Covers(4, 0, 2)));
  EXPECT_THAT(store_->PersonsWithoutCrop(ModelNamed(1), {kKind}, 10), IsOkAndHolds(IsEmpty()));
  EXPECT_THAT(store_->PersonsWithoutCrop(ModelNamed(2), {kKind}, 10), IsOkAndHolds(ElementsAre("bob", "eve")));
  EXPECT_THAT(store_->PersonsWithoutCrop(ModelNamed(2), {kKind}, 1), IsOkAndHolds(ElementsAre("bob")));
}

TEST_P(StoreConformanceTest, HandsOutCropsUntilEveryReferenceIsEmbedded) {
  ASSERT_THAT(store_->Enrol(WithCrops(EnrolmentOf("ada", {ReferenceNamed("r1"), ReferenceNamed("r2")})), kMany),
              IsOk());
  ASSERT_THAT(store_->Enrol(WithCrops(EnrolmentOf("bob", {ReferenceNamed("r3")})), kMany), IsOk());
  const auto first = store_->Unembedded(ModelNamed(2), {kKind}, 0, 2);
  ASSERT_THAT(first, IsOk());
  ASSERT_THAT(IdsOf(*first), ElementsAre("r1", "r2"));
  EXPECT_EQ(first->front().person_id, "ada");
  EXPECT_EQ(first->front().picture, "crop of r1");
  const auto rest = store_->Unembedded(ModelNamed(2), {kKind}, first->back().number, 2);
  ASSERT_THAT(rest, IsOk());
  EXPECT_THAT(IdsOf(*rest), ElementsAre("r3"));

  ASSERT_THAT(store_->AddEmbeddings(*first, {{ModelNamed(2), {5}}, {ModelNamed(2), {6}}}), IsOk());
  EXPECT_THAT(store_->Coverage(ModelNamed(2), {kKind}), IsOkAndHolds(Covers(3, 2, 1)));
  const auto left = store_->Unembedded(ModelNamed(2), {kKind}, 0, 10);
  ASSERT_THAT(left, IsOk());
  EXPECT_THAT(IdsOf(*left), ElementsAre("r3"));
}

TEST_P(StoreConformanceTest, KnowsWhatAnotherModelsEmbeddingsBecome) {
  ASSERT_THAT(store_->Enrol(WithCrops(EnrolmentOf("ada", {ReferenceNamed("r1")})), kMany), IsOk());
  ASSERT_THAT(store_->Enrol(EnrolmentOf("bob", {ReferenceNamed("r2")}), kMany), IsOk());
  ASSERT_THAT(store_->Enrol(EnrolmentOf("eve", {{"r3", {ModelNamed(3), {1}}}}), kMany), IsOk());
  const EmbeddingSources sources{kKind, ModelNamed(1)};
  EXPECT_THAT(store_->Coverage(ModelNamed(2), {kKind}), IsOkAndHolds(Covers(3, 0, 1)));
  EXPECT_THAT(store_->Coverage(ModelNamed(2), sources), IsOkAndHolds(Covers(3, 0, 2)));
  EXPECT_THAT(store_->PersonsWithoutCrop(ModelNamed(2), {kKind}, 10), IsOkAndHolds(ElementsAre("bob", "eve")));
  EXPECT_THAT(store_->PersonsWithoutCrop(ModelNamed(2), sources, 10), IsOkAndHolds(ElementsAre("eve")));
}

TEST_P(StoreConformanceTest, HandsOutEmbeddingsToBeMappedAndCropsOnlyWhereThereAreNone) {
  ASSERT_THAT(store_->Enrol(WithCrops(EnrolmentOf("ada", {ReferenceNamed("r1", 7)})), kMany), IsOk());
  ASSERT_THAT(store_->Enrol(EnrolmentOf("bob", {ReferenceNamed("r2", 8)}), kMany), IsOk());
  ASSERT_THAT(store_->Enrol(WithCrops(EnrolmentOf("eve", {{"r3", {ModelNamed(3), {1}}}})), kMany), IsOk());
  const EmbeddingSources sources{kKind, ModelNamed(1)};
  const auto first = store_->Unembedded(ModelNamed(2), sources, 0, 2);
  ASSERT_THAT(first, IsOk());
  ASSERT_THAT(IdsOf(*first), ElementsAre("r1", "r2"));
  EXPECT_EQ(first->front().values, (std::vector<float>{7, -7}));
  EXPECT_EQ(first->front().picture, "") << "the crop is not read";
  EXPECT_EQ(first->back().person_id, "bob");
  EXPECT_EQ(first->back().values, (std::vector<float>{8, -8}));
  const auto rest = store_->Unembedded(ModelNamed(2), sources, first->back().number, 2);
  ASSERT_THAT(rest, IsOk());
  ASSERT_THAT(IdsOf(*rest), ElementsAre("r3"));
  EXPECT_THAT(rest->front().values, IsEmpty());
  EXPECT_EQ(rest->front().picture, "crop of r3");

  ASSERT_THAT(store_->AddEmbeddings(*first, {{ModelNamed(2), {5}}, {ModelNamed(2), {6}}}), IsOk());
  EXPECT_THAT(store_->Coverage(ModelNamed(2), sources), IsOkAndHolds(Covers(3, 2, 1)));
  EXPECT_EQ(store_->References("bob")->back().embedding.values, (std::vector<float>{6}));
  const auto left = store_->Unembedded(ModelNamed(2), sources, 0, 10);
  ASSERT_THAT(left, IsOk());
  EXPECT_THAT(IdsOf(*left), ElementsAre("r3"));
}

TEST_P(StoreConformanceTest, AddsTheEmbeddingsOfSeveralPersonsWhoseReferencesMix) {
  for (const char* person : {"bob", "ada", "bob", "ada"}) {
    const std::string id = "r" + std::to_string(store_->Size()->references);
    ASSERT_THAT(store_->Enrol(EnrolmentOf(person, {ReferenceNamed(id)}), kMany), IsOk());
  }
  const auto page = store_->Unembedded(ModelNamed(2), {kKind, ModelNamed(1)}, 0, 10);
  ASSERT_THAT(page, IsOk());
  ASSERT_THAT(IdsOf(*page), ElementsAre("r0", "r1", "r2", "r3"));
  ASSERT_THAT(store_->AddEmbeddings(
                  *page, {{ModelNamed(2), {0}}, {ModelNamed(2), {1}}, {ModelNamed(2), {2}}, {ModelNamed(2), {3}}}),
              IsOk());
  const auto added = store_->EmbeddingsBy(ModelNamed(2), 0, 10);
  ASSERT_THAT(added, IsOk());
  ASSERT_THAT(IdsOf(*added), ElementsAre("r0", "r1", "r2", "r3"));
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ((*added)[i].values, (std::vector<float>{static_cast<float>(i)}));
    EXPECT_EQ((*added)[i].person_id, i % 2 == 0 ? "bob" : "ada");
  }
}

TEST_P(StoreConformanceTest, ReturnsAReferenceOnceForEachModel) {
  ASSERT_THAT(store_->Enrol(WithCrops(EnrolmentOf("ada", {ReferenceNamed("r1", 7)})), kMany), IsOk());
  const auto unembedded = store_->Unembedded(ModelNamed(2), {kKind}, 0, 10);
  ASSERT_THAT(unembedded, IsOk());
  ASSERT_THAT(store_->AddEmbeddings(*unembedded, {{ModelNamed(2), {5}}}), IsOk());
  ASSERT_THAT(store_->AddEmbeddings(*unembedded, {{ModelNamed(2), {6}}}), IsOk()) << "a second time changes nothing";
  const auto references = store_->References("ada");
  ASSERT_THAT(references, IsOk());
  ASSERT_THAT(IdsOf(*references), ElementsAre("r1", "r1"));
  EXPECT_EQ((*references)[0].embedding.values, (std::vector<float>{7, -7}));
  EXPECT_EQ((*references)[1].embedding.model, ModelNamed(2));
  EXPECT_EQ((*references)[1].embedding.values, (std::vector<float>{5}));
  EXPECT_THAT(store_->GetPerson("ada")->references, SizeIs(1));
  EXPECT_THAT(store_->Size(), IsOkAndHolds(HasSize(1, 1)));
}

TEST_P(StoreConformanceTest, PassesOverReferencesThatWereDeletedMeanwhile) {
  ASSERT_THAT(store_->Enrol(WithCrops(EnrolmentOf("ada", {ReferenceNamed("r1"), ReferenceNamed("r2")})), kMany),
              IsOk());
  const auto unembedded = store_->Unembedded(ModelNamed(2), {kKind}, 0, 10);
  ASSERT_THAT(unembedded, IsOk());
  ASSERT_THAT(store_->DeleteReference("ada", "r1"), IsOk());
  ASSERT_THAT(store_->AddEmbeddings(*unembedded, {{ModelNamed(2), {5}}, {ModelNamed(2), {6}}}), IsOk());
  EXPECT_THAT(store_->Coverage(ModelNamed(2), {kKind}), IsOkAndHolds(Covers(1, 1, 0)));
  ASSERT_THAT(store_->DeletePerson("ada"), IsOk());
  ASSERT_THAT(store_->AddEmbeddings(*unembedded, {{ModelNamed(2), {5}}, {ModelNamed(2), {6}}}), IsOk());
  EXPECT_THAT(store_->Coverage(ModelNamed(2), {kKind}), IsOkAndHolds(Covers(0, 0, 0)));
}

TEST_P(StoreConformanceTest, HandsOutAModelsEmbeddingsInTheOrderOfEnrolment) {
  ASSERT_THAT(store_->Enrol(WithCrops(EnrolmentOf("bob", {ReferenceNamed("r1", 7), ReferenceNamed("r2", 8)})), kMany),
              IsOk());
  ASSERT_THAT(store_->Enrol(EnrolmentOf("ada", {ReferenceNamed("r3", 9)}), kMany), IsOk());
  const auto first = store_->EmbeddingsBy(ModelNamed(1), 0, 2);
  ASSERT_THAT(first, IsOk());
  ASSERT_THAT(IdsOf(*first), ElementsAre("r1", "r2"));
  EXPECT_EQ(first->front().person_id, "bob");
  EXPECT_EQ(first->front().values, (std::vector<float>{7, -7}));
  const auto rest = store_->EmbeddingsBy(ModelNamed(1), first->back().number, 2);
  ASSERT_THAT(rest, IsOk());
  EXPECT_THAT(IdsOf(*rest), ElementsAre("r3"));
  EXPECT_THAT(store_->EmbeddingsBy(ModelNamed(1), rest->back().number, 2), IsOkAndHolds(IsEmpty()));
  EXPECT_THAT(store_->EmbeddingsBy(ModelNamed(2), 0, 2), IsOkAndHolds(IsEmpty()));
}

// A number that came again would be one that whoever asks for what is new has gone past.
TEST_P(StoreConformanceTest, NeverUsesAReferencesNumberAgain) {
  ASSERT_THAT(store_->Enrol(EnrolmentOf("ada", {ReferenceNamed("r1")}), kMany), IsOk());
  const int64_t number = store_->EmbeddingsBy(ModelNamed(1), 0, 1)->front().number;
  ASSERT_THAT(store_->DeletePerson("ada"), IsOk());
  ASSERT_THAT(store_->Enrol(EnrolmentOf("ada", {ReferenceNamed("r2")}), kMany), IsOk());
  EXPECT_THAT(store_->EmbeddingsBy(ModelNamed(1), number, 10), IsOkAndHolds(SizeIs(1)));
}

TEST_P(StoreConformanceTest, DeletesTheEmbeddingsOfOneModel) {
  ASSERT_THAT(store_->Enrol(WithCrops(EnrolmentOf("ada", {ReferenceNamed("r1"), ReferenceNamed("r2")})), kMany),
              IsOk());
  const auto unembedded = store_->Unembedded(ModelNamed(2), {kKind}, 0, 10);
  ASSERT_THAT(unembedded, IsOk());
  ASSERT_THAT(store_->AddEmbeddings(*unembedded, {{ModelNamed(2), {5}}, {ModelNamed(2), {6}}}), IsOk());
  EXPECT_THAT(store_->DeleteEmbeddings(ModelNamed(1)), IsOkAndHolds(Field(&EmbeddingDeletion::embeddings, 2)));
  EXPECT_THAT(store_->DeleteEmbeddings(ModelNamed(1)), IsOkAndHolds(Field(&EmbeddingDeletion::embeddings, 0)));
  EXPECT_THAT(store_->References("ada"), IsOkAndHolds(SizeIs(2)));
  EXPECT_THAT(store_->Coverage(ModelNamed(1), {kKind}), IsOkAndHolds(Covers(2, 0, 2)));
  EXPECT_THAT(store_->Coverage(ModelNamed(2), {kKind}), IsOkAndHolds(Covers(2, 2, 0)));
}

}  // namespace

}  // namespace likeness
