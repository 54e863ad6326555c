// Matchers for absl::Status and absl::StatusOr<T>.
//
//   EXPECT_THAT(DecodePhoto("", limits), FailsWith(Reason::PHOTO_EMPTY));
//   ASSERT_THAT(store, IsOk());
#ifndef LIKENESS_TESTS_SUPPORT_MATCHERS_H_
#define LIKENESS_TESTS_SUPPORT_MATCHERS_H_

#include <gmock/gmock.h>

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/errors/errors.h"

namespace likeness {

inline const absl::Status& StatusOf(const absl::Status& status) { return status; }

template <typename T>
const absl::Status& StatusOf(const absl::StatusOr<T>& result) {
  return result.status();
}

// An OK status, or a StatusOr that holds a value.
MATCHER(IsOk, negation ? "is an error" : "is OK") {
  *result_listener << "which is " << StatusOf(arg).ToString();
  return StatusOf(arg).ok();
}

// A StatusOr whose value matches `value`.
MATCHER_P(IsOkAndHolds, value, "") {
  if (!arg.ok()) {
    *result_listener << "which is " << arg.status().ToString();
    return false;
  }
  return testing::ExplainMatchResult(value, *arg, result_listener);
}

// An error that carries the public reason.
MATCHER_P(FailsWith, reason, (negation ? "does not fail with " : "fails with ") + ReasonName(reason)) {
  *result_listener << "which is " << StatusOf(arg).ToString();
  return !StatusOf(arg).ok() && ReasonOf(StatusOf(arg)) == reason &&
         StatusOf(arg).code() == MakeError(reason, "").code();
}

// An error that carries the public reason and names the request's field.
MATCHER_P2(FailsWith, reason, field, "fails with " + ReasonName(reason) + " at the field " + std::string(field)) {
  *result_listener << "which is " << StatusOf(arg).ToString() << " at the field '" << FieldOf(StatusOf(arg)) << "'";
  return !StatusOf(arg).ok() && ReasonOf(StatusOf(arg)) == reason && FieldOf(StatusOf(arg)) == field;
}

// An error with the code, whose message matches `message`. For errors that have no public reason.
MATCHER_P2(HasStatus, code, message, "has the code " + absl::StatusCodeToString(code)) {
  *result_listener << "which is " << StatusOf(arg).ToString();
  return StatusOf(arg).code() == code &&
         testing::Value(std::string(StatusOf(arg).message()), testing::Matcher<std::string>(message));
}

}  // namespace likeness

#endif  // LIKENESS_TESTS_SUPPORT_MATCHERS_H_
