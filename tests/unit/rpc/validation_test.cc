#include "server/rpc/validation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/support/matchers.h"

namespace likeness {
namespace {

TEST(ValidatePhotoCountTest, Takes1To16Photos) {
  for (int count : {1, 2, 16}) EXPECT_THAT(ValidatePhotoCount(count), IsOk()) << count;
  for (int count : {-1, 0, 17, 1000}) {
    EXPECT_THAT(ValidatePhotoCount(count), FailsWith(Reason::FIELD_INVALID, "photos")) << count;
  }
}

TEST(ReadFacePolicyTest, AsksForTheOnlyFaceUnlessToldOtherwise) {
  EXPECT_THAT(ReadFacePolicy(v1::FACE_POLICY_UNSPECIFIED), IsOkAndHolds(FacePolicy::kOnly));
  EXPECT_THAT(ReadFacePolicy(v1::FACE_POLICY_ONLY), IsOkAndHolds(FacePolicy::kOnly));
  EXPECT_THAT(ReadFacePolicy(v1::FACE_POLICY_LARGEST), IsOkAndHolds(FacePolicy::kLargest));
  EXPECT_THAT(ReadFacePolicy(v1::FACE_POLICY_MOST_CENTRAL), IsOkAndHolds(FacePolicy::kMostCentral));
}

TEST(ReadFacePolicyTest, RefusesAPolicyOfALaterVersion) {
  for (int policy : {4, -1, 1000}) {
    EXPECT_THAT(ReadFacePolicy(static_cast<v1::FacePolicy>(policy)), FailsWith(Reason::FIELD_INVALID, "face_policy"));
  }
}

TEST(ReadPageSizeTest, HasADefaultAndALimit) {
  EXPECT_THAT(ReadPageSize(0), IsOkAndHolds(100));
  EXPECT_THAT(ReadPageSize(1), IsOkAndHolds(1));
  EXPECT_THAT(ReadPageSize(1000), IsOkAndHolds(1000));
  for (int size : {-1, 1001, 2147483647}) {
    EXPECT_THAT(ReadPageSize(size), FailsWith(Reason::FIELD_INVALID, "page_size")) << size;
  }
}

TEST(PageTokenTest, LeadsBackToTheIdItWasMadeOf) {
  for (const std::string& id : {std::string("a"), std::string("\xF0\x9F\x98\x80"), std::string(128, 'x')}) {
    EXPECT_THAT(ReadPageToken(MakePageToken(id)), IsOkAndHolds(id));
  }
  EXPECT_THAT(ReadPageToken(""), IsOkAndHolds(std::string()));
}

TEST(PageTokenTest, RefusesATokenThatWasNotReturned) {
  for (const char* token : {"!", "a b!", "abc=d", "%%%%"}) {
    EXPECT_THAT(ReadPageToken(token), FailsWith(Reason::FIELD_INVALID, "page_token")) << token;
  }
}

// A database would be asked for them.
TEST(PageTokenTest, RefusesATokenThatWasMadeOfWhatIsNoId) {
  for (const std::string& id : {std::string("a\0b", 3), std::string("\xFF"), std::string(129, 'x')}) {
    EXPECT_THAT(ReadPageToken(MakePageToken(id)), FailsWith(Reason::FIELD_INVALID, "page_token"));
  }
}

TEST(AtFieldTest, NamesTheFieldOfTheCallersMistakesOnly) {
  EXPECT_THAT(AtField(MakeError(Reason::FACE_NOT_FOUND, ""), "photos[3]"),
              FailsWith(Reason::FACE_NOT_FOUND, "photos[3]"));
  for (Reason::Value reason : {Reason::NETWORK_FAILED, Reason::DEADLINE_EXCEEDED, Reason::CANCELLED}) {
    EXPECT_THAT(AtField(MakeError(reason, ""), "photo"), FailsWith(reason, ""));
  }
}

}  // namespace
}  // namespace likeness
