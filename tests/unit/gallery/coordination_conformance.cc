// What a store promises about what servers agree on: the model choice, the servers, the operations. Every decision is
// one transaction's, whoever asks.
#include "tests/unit/gallery/coordination_conformance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "tests/support/matchers.h"

namespace likeness {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

constexpr EnrolmentLimits kMany = {.references = 1000};

MATCHER_P(IsSwitch, outcome, "") { return arg.outcome == outcome; }

TEST_P(CoordinationTest, ANewGalleryHasChosenNothing) {
  const auto choice = servers_->ReadModelChoice();
  ASSERT_THAT(choice, IsOk());
  EXPECT_FALSE(choice->active.has_value());
  EXPECT_EQ(choice->stage, ModelStage::kSettled);
  EXPECT_THAT(servers_->ListOperations(), IsOkAndHolds(SizeIs(0)));
}

TEST_P(CoordinationTest, AnActivationIsBegunSwitchedToAndRemembered) {
  const std::string operation = Begin(2);
  auto choice = servers_->ReadModelChoice();
  EXPECT_EQ(choice->target, ModelNamed(2));
  EXPECT_EQ(choice->operation, operation);
  EXPECT_EQ(choice->stage, ModelStage::kEmbedding);
  const auto switched = Switch(operation);
  ASSERT_THAT(switched, IsOkAndHolds(IsSwitch(SwitchResult::Outcome::kSwitched)));
  choice = servers_->ReadModelChoice();
  EXPECT_EQ(choice->active, ModelNamed(2));
  EXPECT_FALSE(choice->target.has_value());
  EXPECT_EQ(choice->stage, ModelStage::kFollowing);
  const auto record = servers_->GetOperation(operation);
  ASSERT_THAT(record, IsOk());
  EXPECT_EQ(record->state, OperationState::kSucceeded);
  EXPECT_EQ(record->subject, ModelNamed(2));
  EXPECT_EQ(record->revision, switched->revision);
  EXPECT_EQ(record->server, "host-a");
  ASSERT_THAT(Switch(Begin(1)), IsOk());
  EXPECT_FALSE(servers_->ReadModelChoice()->active.has_value()) << "a server with another --model answers with that";
}

TEST_P(CoordinationTest, OfTwoActivationsAtOnceOneIsRefusedAndTheSameOneIsJoined) {
  const std::string operation = Begin(2);
  EXPECT_THAT(servers_->BeginActivation(RequestOf(3), kThere), FailsWith(Reason::ACTIVATION_RUNNING));
  EXPECT_THAT(servers_->BeginActivation(RequestOf(1), kThere), FailsWith(Reason::ACTIVATION_RUNNING));
  const auto joined = servers_->BeginActivation(RequestOf(2), kThere);
  ASSERT_THAT(joined, IsOk());
  EXPECT_TRUE(joined->joined);
  EXPECT_EQ(joined->operation->name, operation);
  EXPECT_EQ(servers_->ReadModelChoice()->target, ModelNamed(2));
}

TEST_P(CoordinationTest, OfManyThatBeginAtOnceOneDoes) {
  std::vector<std::thread> threads;
  std::vector<absl::StatusOr<BegunActivation>> results(8, absl::UnknownError("not run"));
  for (size_t i = 0; i < results.size(); ++i) {
    threads.emplace_back([&, i] {
      results[i] = servers_->BeginActivation(RequestOf(i % 2 == 0 ? 2 : 3), {std::to_string(i), "host"});
    });
  }
  for (std::thread& thread : threads) thread.join();
  int begun = 0;
  for (const auto& result : results) {
    if (result.ok() && !result->joined) ++begun;
    if (!result.ok()) {
      EXPECT_THAT(result, FailsWith(Reason::ACTIVATION_RUNNING));
    }
  }
  EXPECT_EQ(begun, 1);
}

// Both the model that is the active one already, and the way back on a server that has not followed yet.
TEST_P(CoordinationTest, WhatIsActiveIsWhatTheGallerySaysNotWhatAServerAnswersBy) {
  ASSERT_THAT(Switch(Begin(2)), IsOk());
  EXPECT_FALSE(servers_->BeginActivation(RequestOf(2), kThere)->operation.has_value()) << "nothing to do";
  EXPECT_TRUE(servers_->BeginActivation(RequestOf(1), kThere)->operation.has_value()) << "the way back is a change";
}

TEST_P(CoordinationTest, AFailedActivationLeavesANewerChoiceAlone) {
  const std::string older = Begin(2);
  ASSERT_THAT(servers_->CancelOperation(older), IsOk());
  ASSERT_THAT(servers_->EndOperation(older, kHere, {}, MakeError(Reason::CANCELLED, "cancelled")), IsOk());
  ASSERT_THAT(Switch(Begin(3, kThere), 1000, kThere), IsOk());
  EXPECT_TRUE(IsOperationLost(servers_->EndOperation(older, kHere, {}, MakeError(Reason::NETWORK_FAILED, "late"))));
  EXPECT_TRUE(IsOperationLost(Switch(older).status()));
  EXPECT_EQ(servers_->ReadModelChoice()->active, ModelNamed(3));
  EXPECT_EQ(servers_->GetOperation(older)->state, OperationState::kCancelled);
}

TEST_P(CoordinationTest, AFailureKeepsTheActiveModelAndTheReason) {
  const std::string operation = Begin(2);
  ASSERT_THAT(
      servers_->EndOperation(operation, kHere, {.done = 3, .total = 7}, MakeError(Reason::NETWORK_FAILED, "no number")),
      IsOk());
  const auto record = servers_->GetOperation(operation);
  EXPECT_EQ(record->state, OperationState::kFailed);
  EXPECT_THAT(record->error, FailsWith(Reason::NETWORK_FAILED));
  EXPECT_EQ(record->error.message(), "no number");
  EXPECT_EQ(record->progress, (OperationProgress{.done = 3, .total = 7}));
  EXPECT_FALSE(servers_->ReadModelChoice()->active.has_value());
  EXPECT_FALSE(servers_->ReadModelChoice()->target.has_value());
  EXPECT_NE(Begin(3), "") << "the next one may begin";
}

TEST_P(CoordinationTest, OnlyTheOwnerWorksOnAnOperationUntilItIsReleased) {
  const std::string operation = Begin(2);
  EXPECT_TRUE(IsOperationLost(servers_->RenewOperation(operation, kThere, {}).status()));
  EXPECT_TRUE(IsOperationLost(Switch(operation, 1000, kThere).status()));
  EXPECT_TRUE(IsOperationLost(servers_->EndOperation(operation, kThere, {}, MakeError(Reason::INTERNAL, "no"))));
  if (store_->shared()) {
    EXPECT_TRUE(IsOperationLost(servers_->TakeOperation(operation, kThere).status()));
  }
  EXPECT_THAT(servers_->RenewOperation(operation, kHere, {.done = 1, .total = 2}), IsOk());
  ASSERT_THAT(servers_->ReleaseOperation(operation, kHere), IsOk());
  EXPECT_FALSE(servers_->GetOperation(operation)->held);
  const auto taken = servers_->TakeOperation(operation, kThere);
  ASSERT_THAT(taken, IsOk());
  EXPECT_EQ(taken->progress.done, 1);
  EXPECT_EQ(taken->server, "host-b");
  EXPECT_TRUE(IsOperationLost(servers_->RenewOperation(operation, kHere, {}).status())) << "the first has lost it";
  EXPECT_THAT(Switch(operation, 1000, kThere), IsOk());
}

TEST_P(CoordinationTest, AnybodyCanCancelAndTheOwnerIsTold) {
  const std::string operation = Begin(2);
  EXPECT_TRUE(servers_->CancelOperation(operation)->cancel_requested);
  EXPECT_EQ(servers_->GetOperation(operation)->state, OperationState::kRunning) << "until its owner has ended it";
  EXPECT_TRUE(servers_->RenewOperation(operation, kHere, {})->cancel_requested);
  EXPECT_THAT(Switch(operation), FailsWith(Reason::CANCELLED));
  ASSERT_THAT(servers_->EndOperation(operation, kHere, {}, MakeError(Reason::CANCELLED, "cancelled")), IsOk());
  EXPECT_EQ(servers_->CancelOperation(operation)->state, OperationState::kCancelled);
  EXPECT_THAT(servers_->CancelOperation("nothing"), FailsWith(Reason::OPERATION_NOT_FOUND));
  EXPECT_THAT(servers_->GetOperation("nothing"), FailsWith(Reason::OPERATION_NOT_FOUND));
}

TEST_P(CoordinationTest, WhatNobodyWorksOnIsCancelledAtOnce) {
  const std::string operation = Begin(2);
  ASSERT_THAT(servers_->ReleaseOperation(operation, kHere), IsOk());
  EXPECT_EQ(servers_->CancelOperation(operation)->state, OperationState::kCancelled);
  EXPECT_FALSE(servers_->ReadModelChoice()->target.has_value());
}

TEST_P(CoordinationTest, KeysAreRotatedByOneAtATime) {
  const auto first = servers_->BeginKeyRotation(kHere);
  ASSERT_THAT(first, IsOk());
  EXPECT_EQ(servers_->BeginKeyRotation(kThere)->name, first->name);
  ASSERT_THAT(servers_->EndOperation(first->name, kHere, {.done = 5, .total = 5, .changed = 4}, absl::OkStatus()),
              IsOk());
  EXPECT_EQ(servers_->GetOperation(first->name)->progress.changed, 4);
  EXPECT_NE(servers_->BeginKeyRotation(kThere)->name, first->name);
  const auto listed = servers_->ListOperations();
  ASSERT_THAT(listed, IsOkAndHolds(SizeIs(2)));
  EXPECT_EQ((*listed)[1].name, first->name) << "the newest first";
}

TEST_P(CoordinationTest, AModelInUseIsNotRetired) {
  EXPECT_THAT(servers_->RetireModel(ModelNamed(1), ModelNamed(1)), FailsWith(Reason::MODEL_IN_USE)) << "--model";
  const std::string operation = Begin(2);
  EXPECT_THAT(servers_->RetireModel(ModelNamed(2), ModelNamed(1)), FailsWith(Reason::MODEL_IN_USE)) << "the target";
  ASSERT_THAT(Switch(operation), IsOk());
  EXPECT_THAT(servers_->RetireModel(ModelNamed(2), ModelNamed(1)), FailsWith(Reason::MODEL_IN_USE)) << "active";
  ASSERT_THAT(servers_->Report({.id = "there", .name = "b", .base = ModelNamed(1), .answers = ModelNamed(3)}), IsOk());
  EXPECT_THAT(servers_->RetireModel(ModelNamed(3), ModelNamed(1)), FailsWith(Reason::MODEL_IN_USE)) << "it answers";
  ASSERT_THAT(servers_->Report({.id = "there", .name = "b", .base = ModelNamed(1), .answers = ModelNamed(2)}), IsOk());
  ASSERT_THAT(servers_->RetireModel(ModelNamed(3), ModelNamed(1)), IsOk());
  EXPECT_THAT(servers_->BeginActivation(RequestOf(3), kHere), FailsWith(Reason::MODEL_NOT_ALLOWED));
}

TEST_P(CoordinationTest, DoesNotSwitchBeforeEveryReferenceIsEmbedded) {
  ASSERT_THAT(store_->Enrol(EnrolmentOf("ada", {ReferenceNamed("r1")}), kMany), IsOk());
  const std::string operation = Begin(2);
  const int64_t last = store_->Coverage(ModelNamed(2), {"kind"})->last;
  ASSERT_THAT(store_->Enrol(EnrolmentOf("bob", {ReferenceNamed("r2")}), kMany), IsOk());
  EXPECT_THAT(Switch(operation, last), IsOkAndHolds(IsSwitch(SwitchResult::Outcome::kMoreReferences)));
  EXPECT_FALSE(servers_->ReadModelChoice()->active.has_value());
  Enrolment both = EnrolmentOf("eve", {ReferenceNamed("r3")});
  both.also = {{{ModelNamed(2), {5}}}};
  ASSERT_THAT(store_->DeletePerson("bob"), IsOk());
  ASSERT_THAT(store_->Enrol(both, kMany), IsOk());
  EXPECT_THAT(Switch(operation, last), IsOkAndHolds(IsSwitch(SwitchResult::Outcome::kSwitched)));
}

TEST_P(CoordinationTest, AnEnrolmentHasAnEmbeddingByTheActiveModelWhateverItsServerAnswersBy) {
  ASSERT_THAT(Switch(Begin(2)), IsOk());
  Enrolment enrolment = EnrolmentOf("ada", {ReferenceNamed("r1")});
  EXPECT_TRUE(IsModelsChanged(store_->Enrol(enrolment, kMany).status()));
  enrolment.lacking = {ModelNamed(2)};
  EXPECT_THAT(store_->Enrol(enrolment, kMany), FailsWith(Reason::MODEL_MISSING));
  EXPECT_THAT(store_->Size(), IsOkAndHolds(HasSize(0, 0)));
  enrolment.lacking.clear();
  enrolment.also = {{{ModelNamed(2), {5}}, {ModelNamed(4), {6}}}};
  ASSERT_THAT(store_->Enrol(enrolment, kMany), IsOk());
  const auto references = store_->References("ada");
  ASSERT_THAT(references, IsOkAndHolds(SizeIs(2))) << "the third was deleted";
  EXPECT_EQ((*references)[1].embedding.model, ModelNamed(2));
}

// Who came in that moment was MODEL_MISMATCH until the next activation.
TEST_P(CoordinationTest, AnEnrolmentHasAnEmbeddingByTheServersModelOnceNothingElseIsChosen) {
  ASSERT_THAT(servers_->Report({.id = "here", .name = "a", .base = ModelNamed(1), .answers = ModelNamed(2)}), IsOk());
  ASSERT_THAT(Switch(Begin(2)), IsOk());
  ASSERT_THAT(servers_->Report({.id = "here", .name = "a", .base = ModelNamed(1), .answers = ModelNamed(2)}), IsOk());
  const std::string back = Begin(1);
  ASSERT_THAT(
      servers_->Report(
          {.id = "here", .name = "a", .base = ModelNamed(1), .answers = ModelNamed(2), .prepared = ModelNamed(1)}),
      IsOk());
  ASSERT_THAT(Switch(back), IsOkAndHolds(IsSwitch(SwitchResult::Outcome::kSwitched)));
  ASSERT_FALSE(servers_->ReadModelChoice()->active.has_value());
  Enrolment enrolment = EnrolmentOf("ada", {{"r1", {ModelNamed(2), {5}}}});
  EXPECT_TRUE(IsModelsChanged(store_->Enrol(enrolment, kMany).status()));
  enrolment.also = {{{ModelNamed(1), {7}}}};
  EXPECT_THAT(store_->Enrol(enrolment, kMany), IsOk());
}

TEST_P(CoordinationTest, ServersThatAnswerByAnotherModelAreWaitedForAndThenAllIsSettled) {
  if (!store_->shared()) GTEST_SKIP() << "there is one server";
  ServerRecord here{.id = "here", .name = "a", .base = ModelNamed(1), .answers = ModelNamed(1)};
  ServerRecord there{.id = "there", .name = "b", .base = ModelNamed(1), .answers = ModelNamed(1)};
  ASSERT_THAT(servers_->Report(here), IsOk());
  ASSERT_THAT(servers_->Report(there), IsOk());
  const std::string operation = Begin(2);
  EXPECT_THAT(Switch(operation), IsOkAndHolds(IsSwitch(SwitchResult::Outcome::kServersNotPrepared)));
  there.prepared = ModelNamed(2);
  ASSERT_THAT(servers_->Report(there), IsOk());
  ASSERT_THAT(Switch(operation), IsOkAndHolds(IsSwitch(SwitchResult::Outcome::kSwitched)));

  here.answers = ModelNamed(2);
  auto state = servers_->Report(here);
  EXPECT_EQ(state->choice.stage, ModelStage::kFollowing);
  EXPECT_THAT(state->servers, SizeIs(2));
  // The other one answers by the first model still.
  Enrolment enrolment = EnrolmentOf("ada", {{"r1", {ModelNamed(2), {5}}}});
  EXPECT_TRUE(IsModelsChanged(store_->Enrol(enrolment, kMany).status()));
  enrolment.also = {{{ModelNamed(1), {7}}}};
  ASSERT_THAT(store_->Enrol(enrolment, kMany), IsOk());
  there.answers = ModelNamed(2);
  EXPECT_EQ(servers_->Report(there)->choice.stage, ModelStage::kSettled);
  EXPECT_THAT(store_->Enrol(EnrolmentOf("bob", {{"r2", {ModelNamed(2), {5}}}}), kMany), IsOk());
}

TEST_P(CoordinationTest, AServerThatLacksTheTargetIsNotWaitedFor) {
  if (!store_->shared()) GTEST_SKIP() << "there is one server";
  ServerRecord there{.id = "there", .name = "b", .base = ModelNamed(1), .answers = ModelNamed(1)};
  there.lacks = ModelNamed(2);
  ASSERT_THAT(servers_->Report(there), IsOk());
  ASSERT_THAT(Switch(Begin(2)), IsOkAndHolds(IsSwitch(SwitchResult::Outcome::kSwitched)));
  EXPECT_EQ(servers_->Report(there)->choice.stage, ModelStage::kFollowing);
  ASSERT_THAT(servers_->Leave("there"), IsOk());
  EXPECT_EQ(servers_->ReadModelChoice()->stage, ModelStage::kSettled) << "it is gone";
}

}  // namespace
}  // namespace likeness
