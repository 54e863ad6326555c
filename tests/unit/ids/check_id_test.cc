#include "server/ids/check_id.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/support/matchers.h"

namespace likeness {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(CheckIdTest, TakesAnyPrintableTextOf1To128Bytes) {
  for (const std::string& id : {std::string("a"), std::string(128, 'x'), std::string("Ada Lovelace"), std::string(" "),
                                std::string("\xC3\xA9t\xC3\xA9"), std::string("\xD7\xA2\xD7\x93\xD7\x94"),
                                std::string("\xE5\xA7\x93\xE5\x90\x8D"), std::string("\xF0\x9F\x98\x80"),
                                std::string("\xC2\xA0"), std::string("a/b?c=d&e#f'\"\\%")}) {
    EXPECT_THAT(CheckId("person_id", id, kNewId), IsOk()) << id;
  }
}

TEST(CheckIdTest, RefusesNoneAndTooLongOnesAndNamesTheField) {
  EXPECT_THAT(CheckId("person_id", "", kNewId), FailsWith(Reason::FIELD_INVALID, "person_id"));
  EXPECT_THAT(CheckId("request_id", std::string(129, 'x'), kNewId), FailsWith(Reason::FIELD_INVALID, "request_id"));
  EXPECT_THAT(CheckId("request_id", "", {.min_bytes = 0}), IsOk());
  EXPECT_THAT(CheckId("id", std::string(256, 'x'), {.max_bytes = 256}), IsOk());
}

TEST(CheckIdTest, RefusesWhatIsNotUtf8) {
  for (const std::string& id : {
           std::string("\xFF"), std::string("\x80"), std::string("a\xC3"), std::string("\xE2\x82"),
           std::string("\xC3\x28"), std::string("\xC0\xAF"), std::string("\xE0\x80\xAF"),
           std::string("\xF0\x80\x80\xAF"),                                       // longer than needed
           std::string("\xED\xA0\x80"),                                           // a surrogate
           std::string("\xF4\x90\x80\x80"), std::string("\xF8\x88\x80\x80\x80"),  // above U+10FFFF
       }) {
    EXPECT_THAT(CheckId("person_id", id, kNewId), FailsWith(Reason::FIELD_INVALID, "person_id"));
    EXPECT_THAT(CheckId("person_id", id, kKnownId), FailsWith(Reason::FIELD_INVALID, "person_id"));
  }
}

TEST(CheckIdTest, RefusesANulEverywhere) {
  for (const std::string& id : {std::string("a\0b", 3), std::string("\0", 1), std::string("a\0", 2)}) {
    EXPECT_THAT(CheckId("person_id", id, kNewId), FailsWith(Reason::FIELD_INVALID, "person_id"));
    EXPECT_THAT(CheckId("person_id", id, kKnownId), FailsWith(Reason::FIELD_INVALID, "person_id"));
  }
}

// What an earlier version let in can still be read and deleted.
TEST(CheckIdTest, RefusesWhatChangesAPageOrATerminalInNewIdsOnly) {
  for (const std::string& id : {
           std::string("a\nb"),
           std::string("\t"),
           std::string("\x7F"),
           std::string("\x1B[31m"),
           std::string("end\r"),
           std::string("\xC2\x80"),
           std::string("\xC2\x9B"),
           std::string("\xC2\x9F"),  // C1
           std::string("\xE2\x80\xA8"),
           std::string("\xE2\x80\xA9"),  // separators
           std::string("\xD8\x9C"),
           std::string("\xE2\x80\x8E"),
           std::string("\xE2\x80\x8F"),  // marks
           std::string("\xE2\x80\xAA"),
           std::string("\xE2\x80\xAE"),
           std::string("\xE2\x81\xA6"),  // overrides, isolates
           std::string("\xE2\x81\xA9"),
       }) {
    EXPECT_THAT(CheckId("person_id", id, kNewId), FailsWith(Reason::FIELD_INVALID, "person_id")) << id;
    EXPECT_THAT(CheckId("person_id", id, kKnownId), IsOk()) << id;
  }
}

TEST(CheckIdTest, NeverRepeatsTheId) {
  EXPECT_THAT(std::string(CheckId("person_id", "ada\nlovelace", kNewId).message()), Not(HasSubstr("lovelace")));
}

}  // namespace
}  // namespace likeness
