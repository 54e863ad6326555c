#include "tests/unit/gallery/store_conformance.h"

#include <gmock/gmock.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/support/matchers.h"

namespace likeness {

ModelDigest ModelNamed(uint8_t name) {
  ModelDigest digest;
  digest.bytes.fill(name);
  return digest;
}

ContentDigest ContentNamed(uint8_t name) {
  ContentDigest digest;
  digest.fill(name);
  return digest;
}

ReferenceEmbedding ReferenceNamed(const std::string& reference_id, float value) {
  return {reference_id, Embedding{ModelNamed(1), {value, -value}}};
}

absl::Time EnrolmentTime() { return absl::FromUnixMicros(1767323045'678901); }

Enrolment EnrolmentOf(const std::string& person_id, std::vector<ReferenceEmbedding> references) {
  return {.person_id = person_id,
          .request_id = "",
          .content = {},
          .references = std::move(references),
          .create_time = EnrolmentTime()};
}

Enrolment EnrolmentOf(const std::string& person_id, std::vector<ReferenceEmbedding> references,
                      const std::string& request_id, uint8_t content) {
  Enrolment enrolment = EnrolmentOf(person_id, std::move(references));
  enrolment.request_id = request_id;
  enrolment.content = ContentNamed(content);
  return enrolment;
}

namespace {

using testing::ElementsAre;
using testing::Eq;
using testing::IsEmpty;

constexpr EnrolmentLimits kMany = {.references = 1000};

std::vector<std::string> PersonIdsOf(const std::vector<PersonRecord>& persons) {
  std::vector<std::string> ids;
  for (const PersonRecord& person : persons) ids.push_back(person.person_id);
  return ids;
}

TEST_P(StoreConformanceTest, StartsEmpty) {
  EXPECT_THAT(store_->Size(), IsOkAndHolds(HasSize(0, 0)));
  EXPECT_THAT(store_->ListPersons("", 10), IsOkAndHolds(IsEmpty()));
}

TEST_P(StoreConformanceTest, ReturnsWhatWasEnrolled) {
  const Embedding awkward{ModelNamed(7), {1.5f, -0.0f, 1e-40f, 3.4e38f, 0.1f}};
  const absl::StatusOr<EnrolmentResult> result = store_->Enrol(EnrolmentOf("ada", {{"r1", awkward}}), kMany);
  ASSERT_THAT(result, IsOk());
  EXPECT_TRUE(result->new_person);
  EXPECT_FALSE(result->replayed);
  EXPECT_EQ(result->reference_count, 1);
  EXPECT_THAT(IdsOf(result->references), ElementsAre("r1"));

  const absl::StatusOr<std::vector<ReferenceEmbedding>> references = store_->References("ada");
  ASSERT_THAT(references, IsOk());
  ASSERT_EQ(references->size(), 1u);
  EXPECT_EQ(references->front().reference_id, "r1");
  EXPECT_EQ(references->front().embedding.model, ModelNamed(7));
  EXPECT_EQ(references->front().embedding.values, awkward.values);
}

TEST_P(StoreConformanceTest, KnowsWhenAndByWhichModelAReferenceWasMade) {
  ASSERT_THAT(store_->Enrol(EnrolmentOf("ada", {ReferenceNamed("r1")}), kMany), IsOk());
  const absl::StatusOr<PersonRecord> person = store_->GetPerson("ada");
  ASSERT_THAT(person, IsOk());
  EXPECT_EQ(person->person_id, "ada");
  EXPECT_EQ(person->create_time, EnrolmentTime());
  ASSERT_EQ(person->references.size(), 1u);
  EXPECT_EQ(person->references[0].reference_id, "r1");
  EXPECT_EQ(person->references[0].create_time, EnrolmentTime());
  EXPECT_EQ(person->references[0].model, ModelNamed(1));
}

TEST_P(StoreConformanceTest, AddsToAPersonAndKeepsTheOldestFirst) {
  // Neither the ids' order nor the times decide, but the order of enrolment.
  ASSERT_THAT(store_->Enrol(EnrolmentOf("ada", {ReferenceNamed("z"), ReferenceNamed("m")}), kMany), IsOk());
  const absl::StatusOr<EnrolmentResult> second = store_->Enrol(EnrolmentOf("ada", {ReferenceNamed("a")}), kMany);
  ASSERT_THAT(second, IsOk());
  EXPECT_FALSE(second->new_person);
  EXPECT_EQ(second->reference_count, 3);
  EXPECT_THAT(IdsOf(*store_->References("ada")), ElementsAre("z", "m", "a"));
  EXPECT_THAT(IdsOf(store_->GetPerson("ada")->references), ElementsAre("z", "m", "a"));
  EXPECT_THAT(store_->Size(), IsOkAndHolds(HasSize(1, 3)));
}

TEST_P(StoreConformanceTest, KeepsPersonsApart) {
  ASSERT_THAT(store_->Enrol(EnrolmentOf("ada", {ReferenceNamed("r1", 1)}), kMany), IsOk());
  ASSERT_THAT(store_->Enrol(EnrolmentOf("Ada", {ReferenceNamed("r2", 2)}), kMany), IsOk());
  ASSERT_THAT(store_->Enrol(EnrolmentOf("ada ", {ReferenceNamed("r3", 3)}), kMany), IsOk());
  EXPECT_THAT(IdsOf(*store_->References("ada")), ElementsAre("r1"));
  EXPECT_THAT(IdsOf(*store_->References("Ada")), ElementsAre("r2"));
  EXPECT_THAT(IdsOf(*store_->References("ada ")), ElementsAre("r3"));
}

TEST_P(StoreConformanceTest, TakesIdsThatLookLikeCode) {
  for (const std::string& id : {std::string("'; DROP TABLE person; --"), std::string("a%_b"),
                                std::string("\xF0\x9F\x98\x80"), std::string("\\"), std::string(128, 'x')}) {
    ASSERT_THAT(store_->Enrol(EnrolmentOf(id, {ReferenceNamed("of " + id)}), kMany), IsOk()) << id;
    EXPECT_THAT(IdsOf(*store_->References(id)), ElementsAre("of " + id));
  }
  EXPECT_THAT(store_->Size(), IsOkAndHolds(HasSize(5, 5)));
}

// PostgreSQL fails at a NUL and at what is not UTF-8, which callers would take for a fault that passes.
TEST_P(StoreConformanceTest, TakesWhatNoDatabaseCanStoreForTheCallersMistake) {
  for (const std::string& bad :
       {std::string("a\0b", 3), std::string("\xFF"), std::string("\xED\xA0\x80"), std::string(257, 'x')}) {
    const std::vector<ReferenceEmbedding> one = {ReferenceNamed("r1")};
    Enrolment by = EnrolmentOf("ada", one), crop = EnrolmentOf("ada", one);
    by.enrolled_by = bad;
    crop.crops = {{bad, "a crop"}};
    for (const Enrolment& enrolment : {EnrolmentOf(bad, one), EnrolmentOf("ada", one, bad, 1),
                                       EnrolmentOf("ada", {ReferenceNamed(bad)}), by, crop}) {
      EXPECT_THAT(store_->Enrol(enrolment, kMany), FailsWith(Reason::FIELD_INVALID));
    }
    EXPECT_THAT(store_->FindEnrolment(bad, ContentNamed(1)), FailsWith(Reason::FIELD_INVALID, "request_id"));
    EXPECT_THAT(store_->PersonsEnrolledBy(bad), FailsWith(Reason::FIELD_INVALID));
    EXPECT_THAT(store_->References(bad), FailsWith(Reason::FIELD_INVALID, "person_id"));
    EXPECT_THAT(store_->GetPerson(bad), FailsWith(Reason::FIELD_INVALID, "person_id"));
    EXPECT_THAT(store_->ListPersons(bad, 10), FailsWith(Reason::FIELD_INVALID, "page_token"));
    EXPECT_THAT(store_->DeletePerson(bad), FailsWith(Reason::FIELD_INVALID, "person_id"));
    EXPECT_THAT(store_->DeleteReference(bad, "r1"), FailsWith(Reason::FIELD_INVALID, "person_id"));
    EXPECT_THAT(store_->DeleteReference("ada", bad), FailsWith(Reason::FIELD_INVALID, "reference_id"));
    EXPECT_THAT(store_->ReadPersonData(bad), FailsWith(Reason::FIELD_INVALID, "person_id"));
    EXPECT_THAT(store_->Unembedded(ModelNamed(2), {bad}, 0, 10), FailsWith(Reason::FIELD_INVALID));
    EXPECT_THAT(store_->Coverage(ModelNamed(2), {bad}), FailsWith(Reason::FIELD_INVALID));
    EXPECT_THAT(store_->PersonsWithoutCrop(ModelNamed(2), {bad}, 10), FailsWith(Reason::FIELD_INVALID));
  }
  EXPECT_THAT(store_->Size(), IsOkAndHolds(HasSize(0, 0)));
}

TEST_P(StoreConformanceTest, DoesNotKnowAPersonWhoWasNotEnrolled) {
  EXPECT_THAT(store_->References("nobody"), FailsWith(Reason::PERSON_NOT_FOUND));
  EXPECT_THAT(store_->GetPerson("nobody"), FailsWith(Reason::PERSON_NOT_FOUND));
  EXPECT_THAT(store_->DeletePerson("nobody"), FailsWith(Reason::PERSON_NOT_FOUND));
  EXPECT_THAT(store_->DeleteReference("nobody", "r1"), FailsWith(Reason::PERSON_NOT_FOUND));
}

TEST_P(StoreConformanceTest, RefusesMoreReferencesThanAllowedAndChangesNothing) {
  const std::vector<ReferenceEmbedding> two = {ReferenceNamed("r1"), ReferenceNamed("r2")};
  EXPECT_THAT(store_->Enrol(EnrolmentOf("ada", two, "request", 1), {.references = 1}),
              FailsWith(Reason::TOO_MANY_REFERENCES));
  EXPECT_THAT(store_->Size(), IsOkAndHolds(HasSize(0, 0)));
  EXPECT_THAT(store_->FindEnrolment("request", ContentNamed(1)), IsOkAndHolds(Eq(std::nullopt)));
  EXPECT_THAT(store_->Enrol(EnrolmentOf("ada", two), {.references = 2}), IsOk());
  EXPECT_THAT(store_->Enrol(EnrolmentOf("ada", {ReferenceNamed("r3")}), {.references = 2}),
              FailsWith(Reason::TOO_MANY_REFERENCES));
  EXPECT_THAT(IdsOf(*store_->References("ada")), ElementsAre("r1", "r2"));
}

TEST_P(StoreConformanceTest, EnrolsNoMorePersonsForACallerThanAllowed) {
  const auto enrolment_by = [](const std::string& caller, const std::string& person_id, const std::string& reference) {
    Enrolment enrolment = EnrolmentOf(person_id, {ReferenceNamed(reference)});
    enrolment.enrolled_by = caller;
    return enrolment;
  };
  const EnrolmentLimits one_person = {.references = 10, .persons_by = 1};
  ASSERT_THAT(store_->Enrol(enrolment_by("desk", "ada", "r1"), one_person), IsOk());
  EXPECT_THAT(store_->Enrol(enrolment_by("desk", "bob", "r2"), one_person), FailsWith(Reason::QUOTA_EXCEEDED));
  EXPECT_THAT(store_->GetPerson("bob"), FailsWith(Reason::PERSON_NOT_FOUND));
  EXPECT_THAT(store_->Enrol(enrolment_by("desk", "ada", "r2"), one_person), IsOk()) << "no other person";
  EXPECT_THAT(store_->Enrol(enrolment_by("other", "bob", "r3"), one_person), IsOk());
  EXPECT_THAT(store_->Enrol(enrolment_by("desk", "bob", "r4"), one_person), IsOk()) << "somebody else's";
  EXPECT_THAT(store_->PersonsEnrolledBy("desk"), IsOkAndHolds(1));
  EXPECT_EQ(store_->ReadPersonData("ada")->enrolled_by, "desk");
  ASSERT_THAT(store_->DeletePerson("ada"), IsOk());
  EXPECT_THAT(store_->PersonsEnrolledBy("desk"), IsOkAndHolds(0));
  EXPECT_THAT(store_->Enrol(enrolment_by("desk", "eve", "r5"), one_person), IsOk());
}

TEST_P(StoreConformanceTest, EnrolsAllReferencesOrNone) {
  ASSERT_THAT(store_->Enrol(EnrolmentOf("ada", {ReferenceNamed("taken")}), kMany), IsOk());
  EXPECT_THAT(store_->Enrol(EnrolmentOf("bob", {ReferenceNamed("free"), ReferenceNamed("taken")}, "request", 1), kMany),
              FailsWith(Reason::STORE_FAILED));
  EXPECT_THAT(store_->GetPerson("bob"), FailsWith(Reason::PERSON_NOT_FOUND));
  EXPECT_THAT(store_->Size(), IsOkAndHolds(HasSize(1, 1)));
  // The request was not carried out, so it can be made good.
  EXPECT_THAT(store_->Enrol(EnrolmentOf("bob", {ReferenceNamed("free")}, "request", 1), kMany), IsOk());
}

TEST_P(StoreConformanceTest, AnswersARepeatedRequestAsTheFirstTime) {
  const Enrolment enrolment = EnrolmentOf("ada", {ReferenceNamed("r1"), ReferenceNamed("r2")}, "request", 1);
  ASSERT_THAT(store_->Enrol(enrolment, kMany), IsOk());
  Enrolment repeated = EnrolmentOf("ada", {ReferenceNamed("r8"), ReferenceNamed("r9")}, "request", 1);
  repeated.create_time += absl::Hours(1);
  const absl::StatusOr<EnrolmentResult> replayed = store_->Enrol(repeated, kMany);
  ASSERT_THAT(replayed, IsOk());
  EXPECT_TRUE(replayed->replayed);
  EXPECT_FALSE(replayed->new_person);
  EXPECT_THAT(IdsOf(replayed->references), ElementsAre("r1", "r2"));
  EXPECT_EQ(replayed->references[0].create_time, EnrolmentTime());
  EXPECT_EQ(replayed->references[0].model, ModelNamed(1));
  EXPECT_EQ(replayed->reference_count, 2);
  EXPECT_THAT(store_->Size(), IsOkAndHolds(HasSize(1, 2)));
}

TEST_P(StoreConformanceTest, AnswersARepeatedRequestEvenWhenThePersonIsFull) {
  const Enrolment enrolment = EnrolmentOf("ada", {ReferenceNamed("r1")}, "request", 1);
  ASSERT_THAT(store_->Enrol(enrolment, {.references = 1}), IsOk());
  EXPECT_THAT(store_->Enrol(enrolment, {.references = 1}), IsOk());
}

TEST_P(StoreConformanceTest, FindsAnEnrolmentByItsRequest) {
  ASSERT_THAT(store_->Enrol(EnrolmentOf("ada", {ReferenceNamed("r1")}, "request", 1), kMany), IsOk());
  EXPECT_THAT(store_->FindEnrolment("another request", ContentNamed(1)), IsOkAndHolds(Eq(std::nullopt)));
  const absl::StatusOr<std::optional<EnrolmentResult>> found = store_->FindEnrolment("request", ContentNamed(1));
  ASSERT_THAT(found, IsOk());
  ASSERT_TRUE(found->has_value());
  EXPECT_TRUE((*found)->replayed);
  EXPECT_THAT(IdsOf((*found)->references), ElementsAre("r1"));
}

TEST_P(StoreConformanceTest, RefusesARequestIdWithOtherContent) {
  ASSERT_THAT(store_->Enrol(EnrolmentOf("ada", {ReferenceNamed("r1")}, "request", 1), kMany), IsOk());
  EXPECT_THAT(store_->FindEnrolment("request", ContentNamed(2)), FailsWith(Reason::REQUEST_ID_REUSED));
  EXPECT_THAT(store_->Enrol(EnrolmentOf("bob", {ReferenceNamed("r2")}, "request", 2), kMany),
              FailsWith(Reason::REQUEST_ID_REUSED));
  EXPECT_THAT(store_->Size(), IsOkAndHolds(HasSize(1, 1)));
}

TEST_P(StoreConformanceTest, DoesNotRememberEnrolmentsWithoutARequestId) {
  ASSERT_THAT(store_->Enrol(EnrolmentOf("ada", {ReferenceNamed("r1")}), kMany), IsOk());
  ASSERT_THAT(store_->Enrol(EnrolmentOf("ada", {ReferenceNamed("r2")}), kMany), IsOk());
  EXPECT_THAT(store_->Size(), IsOkAndHolds(HasSize(1, 2)));
}

TEST_P(StoreConformanceTest, DeletesAPersonWithReferencesAndMemoryOfEnrolments) {
  ASSERT_THAT(store_->Enrol(EnrolmentOf("ada", {ReferenceNamed("r1"), ReferenceNamed("r2")}, "request", 1), kMany),
              IsOk());
  ASSERT_THAT(store_->Enrol(EnrolmentOf("bob", {ReferenceNamed("r3")}), kMany), IsOk());
  EXPECT_THAT(store_->DeletePerson("ada"), IsOkAndHolds(HasReferences(2)));
  EXPECT_THAT(store_->References("ada"), FailsWith(Reason::PERSON_NOT_FOUND));
  EXPECT_THAT(store_->DeletePerson("ada"), FailsWith(Reason::PERSON_NOT_FOUND));
  EXPECT_THAT(store_->Size(), IsOkAndHolds(HasSize(1, 1)));
  EXPECT_THAT(store_->FindEnrolment("request", ContentNamed(2)), IsOkAndHolds(Eq(std::nullopt)));
  // The request may be made anew, with other content and the same reference ids.
  const auto again = store_->Enrol(EnrolmentOf("ada", {ReferenceNamed("r1")}, "request", 2), kMany);
  ASSERT_THAT(again, IsOk());
  EXPECT_FALSE(again->replayed);
  EXPECT_TRUE(again->new_person);
}

TEST_P(StoreConformanceTest, DeletesOneReferenceAndKeepsThePersonEvenWithoutAny) {
  ASSERT_THAT(store_->Enrol(EnrolmentOf("ada", {ReferenceNamed("r1"), ReferenceNamed("r2")}), kMany), IsOk());
  EXPECT_THAT(store_->DeleteReference("ada", "r1"), IsOkAndHolds(HasReferences(1)));
  EXPECT_THAT(IdsOf(*store_->References("ada")), ElementsAre("r2"));
  EXPECT_THAT(store_->DeleteReference("ada", "r1"), FailsWith(Reason::REFERENCE_NOT_FOUND));
  EXPECT_THAT(store_->DeleteReference("ada", "r2"), IsOkAndHolds(HasReferences(0)));
  EXPECT_THAT(store_->References("ada"), IsOkAndHolds(IsEmpty()));
  EXPECT_THAT(store_->GetPerson("ada"), IsOk());
  EXPECT_THAT(store_->Size(), IsOkAndHolds(HasSize(1, 0)));
}

TEST_P(StoreConformanceTest, DeletesNoReferenceOfAnotherPerson) {
  ASSERT_THAT(store_->Enrol(EnrolmentOf("ada", {ReferenceNamed("r1")}), kMany), IsOk());
  ASSERT_THAT(store_->Enrol(EnrolmentOf("bob", {ReferenceNamed("r2")}), kMany), IsOk());
  EXPECT_THAT(store_->DeleteReference("ada", "r2"), FailsWith(Reason::REFERENCE_NOT_FOUND));
  EXPECT_THAT(IdsOf(*store_->References("bob")), ElementsAre("r2"));
}

TEST_P(StoreConformanceTest, ListsPersonsInTheByteOrderOfTheirIds) {
  // 'B' < 'a' < "a." < "aa" < 'é' (C3 A9) < an emoji (F0…), whatever the locale thinks.
  for (const char* id : {"a.", "\xC3\xA9", "B", "aa", "\xF0\x9F\x98\x80", "a"}) {
    ASSERT_THAT(store_->Enrol(EnrolmentOf(id, {ReferenceNamed(absl::StrCat("of ", id))}), kMany), IsOk());
  }
  const absl::StatusOr<std::vector<PersonRecord>> all = store_->ListPersons("", 100);
  ASSERT_THAT(all, IsOk());
  EXPECT_THAT(PersonIdsOf(*all), ElementsAre("B", "a", "a.", "aa", "\xC3\xA9", "\xF0\x9F\x98\x80"));
  EXPECT_THAT(IdsOf((*all)[2].references), ElementsAre("of a."));
  EXPECT_EQ((*all)[2].create_time, EnrolmentTime());
}

TEST_P(StoreConformanceTest, ListsPersonsPageByPage) {
  for (const char* id : {"d", "a", "c", "b", "e"}) {
    ASSERT_THAT(store_->Enrol(EnrolmentOf(id, {ReferenceNamed(id)}), kMany), IsOk());
  }
  EXPECT_THAT(PersonIdsOf(*store_->ListPersons("", 2)), ElementsAre("a", "b"));
  EXPECT_THAT(PersonIdsOf(*store_->ListPersons("b", 2)), ElementsAre("c", "d"));
  EXPECT_THAT(PersonIdsOf(*store_->ListPersons("d", 2)), ElementsAre("e"));
  EXPECT_THAT(PersonIdsOf(*store_->ListPersons("e", 2)), IsEmpty());
  EXPECT_THAT(PersonIdsOf(*store_->ListPersons("bb", 1)), ElementsAre("c"));  // also after an id that was deleted
}

}  // namespace

}  // namespace likeness
