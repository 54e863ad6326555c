// Every invariant of the random walks can fail: each test gives the walk's model something wrong to find.
#include "tests/integration/walk/verdicts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/cord.h"
#include "google/rpc/error_details.pb.h"

namespace likeness {
namespace {

using testing::IsEmpty;
using testing::SizeIs;
using Kind = Change::Kind;
using Answer = Change::Answer;

// Ada has face 1 and reference a1, which request r1 made; models m and n are allowed.
ExpectedGallery WithAda() {
  return {.persons = {{"ada", {.face = 1, .references = {"a1"}, .enrolments = {{"r1", "a1"}}}}},
          .active = "m",
          .allowed = {"m", "n"}};
}

Change Enrolled(const std::string& person, int face, const std::string& reference, int64_t revision) {
  return {.kind = Kind::kEnrol,
          .person = person,
          .face = face,
          .request_id = "of " + reference,
          .answer = Answer::kDone,
          .new_reference = reference,
          .revision = revision};
}

Change Deleted(const std::string& person, int64_t revision) {
  return {.kind = Kind::kDeletePerson, .person = person, .answer = Answer::kDone, .revision = revision};
}

Change Refused(Change change, const std::string& reason) {
  change.answer = Answer::kRefused;
  change.reason = reason;
  return change;
}

Change Unknown(Change change) {
  change.answer = Answer::kUnknown;
  change.new_reference.clear();
  return change;
}

Change OfModel(Kind kind, const std::string& model, Answer answer, const std::string& reason = "") {
  return {.kind = kind, .model = model, .answer = answer, .reason = reason};
}

absl::StatusOr<v1::VerifyResponse> Verified(const std::string& reference, bool verified = true) {
  v1::VerifyResponse response;
  response.set_verified(verified);
  response.set_reference_id(reference);
  return response;
}

// As a client gets it.
absl::Status Error(const std::string& reason) {
  google::rpc::ErrorInfo info;
  info.set_domain("likeness");
  info.set_reason(reason);
  absl::Status status = absl::UnknownError("because");
  status.SetPayload("type.googleapis.com/google.rpc.ErrorInfo", absl::Cord(info.SerializeAsString()));
  return status;
}

Invariant Broken(const std::optional<Violation>& violation) {
  EXPECT_TRUE(violation.has_value()) << "nothing was found";
  return violation.has_value() ? violation->invariant : Invariant::kServersComeBack;
}

TEST(ExpectedGalleryTest, WhatWasAcknowledgedIsThere) {
  const auto after = StatesAfter({WithAda()}, {Enrolled("bob", 2, "b1", 5)});
  ASSERT_THAT(after, SizeIs(1));
  EXPECT_TRUE(Recognize(*after.begin(), {{"ada", {"a1"}}, {"bob", {"b1"}}}).has_value());
  EXPECT_FALSE(Recognize(*after.begin(), {{"ada", {"a1"}}}).has_value()) << "lost";
  EXPECT_FALSE(Recognize(*after.begin(), {{"ada", {"a1"}}, {"bob", {"b2"}}}).has_value()) << "another reference";
  EXPECT_EQ(ExplainList(after, {{"ada", {"a1"}}}).invariant, Invariant::kNobodyAcknowledgedIsLost);
}

TEST(ExpectedGalleryTest, WhoWasDeletedIsNotThere) {
  const auto after = StatesAfter({WithAda()}, {Deleted("ada", 5)});
  ASSERT_THAT(after, SizeIs(1));
  EXPECT_TRUE(Recognize(*after.begin(), {}).has_value());
  EXPECT_FALSE(Recognize(*after.begin(), {{"ada", {"a1"}}}).has_value());
  EXPECT_EQ(ExplainList(after, {{"ada", {"a1"}}}).invariant, Invariant::kNobodyDeletedAnswers);
}

TEST(ExpectedGalleryTest, ACallWithoutAnAnswerHadItsEffectOrNone) {
  const auto after = StatesAfter({WithAda()}, {Unknown(Enrolled("bob", 2, "", 0))});
  ASSERT_THAT(after, SizeIs(2));
  int recognized = 0;
  for (const ExpectedGallery& state : after) {
    if (Recognize(state, {{"ada", {"a1"}}}).has_value()) ++recognized;
    const auto landed = Recognize(state, {{"ada", {"a1"}}, {"bob", {"b1"}}});
    if (!landed.has_value()) continue;
    ++recognized;
    EXPECT_THAT(landed->persons.at("bob").references, testing::ElementsAre("b1"));
    EXPECT_EQ(landed->persons.at("bob").enrolments.begin()->second, "b1") << "a repetition gets this answer";
  }
  EXPECT_EQ(recognized, 2);
  for (const ExpectedGallery& state : after) {
    EXPECT_FALSE(Recognize(state, {{"ada", {"a1"}}, {"bob", {"b1", "b2"}}}).has_value()) << "twice";
  }
}

TEST(ExpectedGalleryTest, TwoPersonsWithOneFaceAreNeverBothAccepted) {
  const std::vector<Change> twins = {Enrolled("bob", 2, "b1", 5), Enrolled("eve", 2, "e1", 6)};
  EXPECT_THAT(StatesAfter({WithAda()}, twins), IsEmpty());
  EXPECT_EQ(ExplainAnswers(WithAda(), twins).invariant, Invariant::kNoDuplicateIsAccepted);
  EXPECT_THAT(StatesAfter({WithAda()}, {Enrolled("eve", 1, "e1", 5)}), IsEmpty());
  EXPECT_EQ(ExplainAnswers(WithAda(), {Enrolled("eve", 1, "e1", 5)}).invariant, Invariant::kNoDuplicateIsAccepted);
  EXPECT_THAT(StatesAfter({WithAda()}, {Enrolled("ada", 2, "a2", 5)}), IsEmpty()) << "two faces, one person";
  EXPECT_THAT(StatesAfter({WithAda()}, {twins[0], Refused(twins[1], "DUPLICATE_OF")}), SizeIs(1));
}

TEST(ExpectedGalleryTest, ARefusalNeedsItsReason) {
  const Change enrol = Enrolled("bob", 2, "b1", 5);
  EXPECT_THAT(StatesAfter({WithAda()}, {Refused(enrol, "DUPLICATE_OF")}), IsEmpty()) << "nobody has the face";
  EXPECT_THAT(StatesAfter({WithAda()}, {Refused(Deleted("ada", 0), "PERSON_NOT_FOUND")}), IsEmpty());
  EXPECT_EQ(ExplainAnswers(WithAda(), {Refused(enrol, "DUPLICATE_OF")}).invariant, Invariant::kAnswersHaveAnOrder);
}

TEST(ExpectedGalleryTest, AnswersAtOnceFollowTheirRevisions) {
  // Deleted and enrolled again, or enrolled once more and deleted.
  const auto again = StatesAfter({WithAda()}, {Deleted("ada", 5), Enrolled("ada", 1, "a2", 6)});
  ASSERT_THAT(again, SizeIs(1));
  EXPECT_TRUE(Recognize(*again.begin(), {{"ada", {"a2"}}}).has_value());
  const auto gone = StatesAfter({WithAda()}, {Deleted("ada", 6), Enrolled("ada", 1, "a2", 5)});
  ASSERT_THAT(gone, SizeIs(1));
  EXPECT_TRUE(gone.begin()->persons.empty());
  EXPECT_THAT(StatesAfter({WithAda()}, {Deleted("ada", 5), Deleted("ada", 6)}), IsEmpty());
  EXPECT_THAT(StatesAfter({WithAda()}, {Enrolled("bob", 2, "b1", 5), Enrolled("cy", 3, "c1", 5)}), IsEmpty());
}

TEST(ExpectedGalleryTest, ARepeatedRequestIsAnsweredAsTheFirstTime) {
  Change again = Enrolled("ada", 1, "a1", 3);
  again.request_id = "r1";
  again.replayed = true;
  EXPECT_THAT(StatesAfter({WithAda()}, {again}), testing::ElementsAre(WithAda()));
  again.new_reference = "a2";
  EXPECT_THAT(StatesAfter({WithAda()}, {again}), IsEmpty()) << "another reference";
  again.replayed = false;
  EXPECT_THAT(StatesAfter({WithAda()}, {again}), IsEmpty()) << "enrolled twice";
}

TEST(ExpectedGalleryTest, AModelIsNotDeletedAndActivatedAtOnce) {
  const Change activate = OfModel(Kind::kActivate, "n", Answer::kDone);
  const Change remove = OfModel(Kind::kDeleteModel, "n", Answer::kDone);
  EXPECT_THAT(StatesAfter({WithAda()}, {activate, remove}), IsEmpty());
  EXPECT_THAT(StatesAfter({WithAda()}, {activate, Refused(remove, "MODEL_IN_USE")}), SizeIs(1));
  EXPECT_THAT(StatesAfter({WithAda()}, {Refused(activate, "MODEL_NOT_ALLOWED"), remove}), SizeIs(1));
  EXPECT_THAT(StatesAfter({WithAda()}, {OfModel(Kind::kDeleteModel, "m", Answer::kDone)}), IsEmpty()) << "active";
  EXPECT_THAT(StatesAfter({WithAda()}, {OfModel(Kind::kActivate, "o", Answer::kDone)}), IsEmpty()) << "not allowed";
  EXPECT_THAT(StatesAfter({WithAda()}, {Refused(activate, "ACTIVATION_RUNNING")}), IsEmpty()) << "none runs";
}

TEST(VerdictsTest, WhoIsEnrolledIsVerifiedByAReferenceThatIsThere) {
  EXPECT_FALSE(JudgeVerify(WithAda(), "ada", 1, Verified("a1")).has_value());
  EXPECT_EQ(Broken(JudgeVerify(WithAda(), "ada", 1, Error("PERSON_NOT_FOUND"))), Invariant::kNobodyAcknowledgedIsLost);
  EXPECT_EQ(Broken(JudgeVerify(WithAda(), "ada", 1, Error("STORE_CORRUPT"))), Invariant::kNobodyAcknowledgedIsLost);
  EXPECT_EQ(Broken(JudgeVerify(WithAda(), "ada", 1, Verified("a1", false))), Invariant::kNobodyAcknowledgedIsLost);
  EXPECT_EQ(Broken(JudgeVerify(WithAda(), "ada", 1, Verified("a0"))), Invariant::kNobodyDeletedAnswers);
  EXPECT_EQ(Broken(JudgeVerify(WithAda(), "ada", 1, Error("MODEL_MISMATCH"))), Invariant::kAllAnswerByTheChosenModel);
  EXPECT_EQ(Broken(JudgeVerify(WithAda(), "ada", 1, Error("STORE_FAILED"))), Invariant::kHealthyServersAnswer);
}

TEST(VerdictsTest, WhoIsNotEnrolledIsNotFound) {
  EXPECT_FALSE(JudgeVerify(WithAda(), "bob", 1, Error("PERSON_NOT_FOUND")).has_value());
  EXPECT_EQ(Broken(JudgeVerify(WithAda(), "bob", 1, Verified("b1"))), Invariant::kNobodyDeletedAnswers);
  EXPECT_EQ(Broken(JudgeVerify(WithAda(), "bob", 1, Verified("b1", false))), Invariant::kNobodyDeletedAnswers);
  EXPECT_EQ(Broken(JudgeVerify(WithAda(), "bob", 1, Error("STORE_FAILED"))), Invariant::kHealthyServersAnswer);
}

TEST(VerdictsTest, NobodyElseIsVerified) {
  EXPECT_FALSE(JudgeVerify(WithAda(), "ada", 2, Verified("a1", false)).has_value());
  EXPECT_EQ(Broken(JudgeVerify(WithAda(), "ada", 2, Verified("a1"))), Invariant::kNobodyElseIsVerified);
}

TEST(VerdictsTest, AServerThatIsCutOffMayFailButNotBeWrong) {
  EXPECT_FALSE(JudgeVerifyCutOff(WithAda(), "ada", 1, Error("STORE_FAILED")).has_value());
  EXPECT_FALSE(JudgeVerifyCutOff(WithAda(), "bob", 1, Error("STORE_FAILED")).has_value());
  EXPECT_EQ(Broken(JudgeVerifyCutOff(WithAda(), "bob", 1, Verified("b1"))), Invariant::kNobodyDeletedAnswers);
  EXPECT_EQ(Broken(JudgeVerifyCutOff(WithAda(), "ada", 1, Error("PERSON_NOT_FOUND"))),
            Invariant::kNobodyAcknowledgedIsLost);
}

TEST(VerdictsTest, AFaceThatIsEnrolledIsRefusedAndOneThatIsNotIsTaken) {
  EXPECT_FALSE(JudgeTryEnrolment(WithAda(), 1, Error("DUPLICATE_OF")).has_value());
  EXPECT_FALSE(JudgeTryEnrolment(WithAda(), 2, absl::OkStatus()).has_value());
  EXPECT_EQ(Broken(JudgeTryEnrolment(WithAda(), 1, absl::OkStatus())), Invariant::kNoDuplicateIsAccepted);
  EXPECT_EQ(Broken(JudgeTryEnrolment(WithAda(), 2, Error("DUPLICATE_OF"))), Invariant::kNobodyDeletedAnswers);
  EXPECT_EQ(Broken(JudgeTryEnrolment(WithAda(), 1, Error("STORE_FAILED"))), Invariant::kHealthyServersAnswer);
}

}  // namespace
}  // namespace likeness
