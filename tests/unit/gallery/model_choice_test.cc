#include "server/gallery/model_choice.h"

#include <gtest/gtest.h>

#include <map>
#include <utility>

namespace likeness {
namespace {

constexpr ModelStage kStages[] = {ModelStage::kSettled, ModelStage::kEmbedding, ModelStage::kFollowing};
constexpr ModelEvent kEvents[] = {ModelEvent::kBeginActive, ModelEvent::kBeginTarget, ModelEvent::kBeginOther,
                                  ModelEvent::kSwitch,      ModelEvent::kEnd,         ModelEvent::kStale,
                                  ModelEvent::kLags,        ModelEvent::kAllFollow};

ModelDigest DigestOf(uint8_t name) {
  ModelDigest digest;
  digest.bytes.fill(name);
  return digest;
}

// The table of model_choice.h, cell by cell.
TEST(ModelChoiceTest, EachStageMeetsEachEventAsTheTableSays) {
  constexpr auto kSettled = ModelStage::kSettled, kEmbedding = ModelStage::kEmbedding,
                 kFollowing = ModelStage::kFollowing;
  using R = ModelRefusal;
  const std::map<std::pair<ModelStage, ModelEvent>, ModelTransition> table = {
      {{kSettled, ModelEvent::kBeginActive}, {kSettled, R::kAlreadyActive}},
      {{kSettled, ModelEvent::kBeginTarget}, {kSettled, R::kSuperseded}},
      {{kSettled, ModelEvent::kBeginOther}, {kEmbedding, R::kNone}},
      {{kSettled, ModelEvent::kSwitch}, {kSettled, R::kSuperseded}},
      {{kSettled, ModelEvent::kEnd}, {kSettled, R::kSuperseded}},
      {{kSettled, ModelEvent::kStale}, {kSettled, R::kSuperseded}},
      {{kSettled, ModelEvent::kLags}, {kFollowing, R::kNone}},
      {{kSettled, ModelEvent::kAllFollow}, {kSettled, R::kNone}},
      {{kEmbedding, ModelEvent::kBeginActive}, {kEmbedding, R::kAnotherRuns}},
      {{kEmbedding, ModelEvent::kBeginTarget}, {kEmbedding, R::kAlreadyBegun}},
      {{kEmbedding, ModelEvent::kBeginOther}, {kEmbedding, R::kAnotherRuns}},
      {{kEmbedding, ModelEvent::kSwitch}, {kFollowing, R::kNone}},
      {{kEmbedding, ModelEvent::kEnd}, {kFollowing, R::kNone}},
      {{kEmbedding, ModelEvent::kStale}, {kEmbedding, R::kSuperseded}},
      {{kEmbedding, ModelEvent::kLags}, {kEmbedding, R::kNone}},
      {{kEmbedding, ModelEvent::kAllFollow}, {kEmbedding, R::kNone}},
      {{kFollowing, ModelEvent::kBeginActive}, {kFollowing, R::kAlreadyActive}},
      {{kFollowing, ModelEvent::kBeginTarget}, {kFollowing, R::kSuperseded}},
      {{kFollowing, ModelEvent::kBeginOther}, {kEmbedding, R::kNone}},
      {{kFollowing, ModelEvent::kSwitch}, {kFollowing, R::kSuperseded}},
      {{kFollowing, ModelEvent::kEnd}, {kFollowing, R::kSuperseded}},
      {{kFollowing, ModelEvent::kStale}, {kFollowing, R::kSuperseded}},
      {{kFollowing, ModelEvent::kLags}, {kFollowing, R::kNone}},
      {{kFollowing, ModelEvent::kAllFollow}, {kSettled, R::kNone}},
  };
  for (const ModelStage stage : kStages) {
    for (const ModelEvent event : kEvents) {
      EXPECT_EQ(TransitionFor(stage, event), table.at({stage, event}))
          << "stage " << static_cast<int>(stage) << ", event " << static_cast<int>(event);
    }
  }
}

// A refusal that changed something would be a change that nobody was told of.
TEST(ModelChoiceTest, WhatIsRefusedChangesNothing) {
  for (const ModelStage stage : kStages) {
    for (const ModelEvent event : kEvents) {
      const ModelTransition transition = TransitionFor(stage, event);
      if (transition.refusal != ModelRefusal::kNone) {
        EXPECT_EQ(transition.next, stage);
      }
    }
  }
}

TEST(ModelChoiceTest, WhereNothingIsChosenTheModelThatTheServerWasStartedWithIsTheActiveOne) {
  ModelChoice choice;
  EXPECT_EQ(BeginEventOf(choice, DigestOf(1), /*base=*/DigestOf(1)), ModelEvent::kBeginActive);
  EXPECT_EQ(BeginEventOf(choice, DigestOf(2), /*base=*/DigestOf(1)), ModelEvent::kBeginOther);
  choice.active = DigestOf(2);
  EXPECT_EQ(BeginEventOf(choice, DigestOf(2), /*base=*/DigestOf(1)), ModelEvent::kBeginActive);
  EXPECT_EQ(BeginEventOf(choice, DigestOf(1), /*base=*/DigestOf(1)), ModelEvent::kBeginOther) << "the way back";
  choice.target = DigestOf(1);
  EXPECT_EQ(BeginEventOf(choice, DigestOf(1), /*base=*/DigestOf(1)), ModelEvent::kBeginTarget);
}

TEST(ModelChoiceTest, AnotherActivationsEndIsStale) {
  ModelChoice choice;
  EXPECT_EQ(OwnEventOf(choice, "", ModelEvent::kEnd), ModelEvent::kStale);
  choice.operation = "one";
  EXPECT_EQ(OwnEventOf(choice, "one", ModelEvent::kEnd), ModelEvent::kEnd);
  EXPECT_EQ(OwnEventOf(choice, "another", ModelEvent::kSwitch), ModelEvent::kStale);
}

}  // namespace
}  // namespace likeness
