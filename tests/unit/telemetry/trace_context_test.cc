#include "server/telemetry/trace_context.h"

#include <gtest/gtest.h>

namespace likeness {
namespace {

// The standard's own example.
constexpr char kExample[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

TEST(TraceContextTest, ReadsTraceAndParent) {
  const auto context = ParseTraceparent(kExample);
  ASSERT_TRUE(context.has_value());
  EXPECT_EQ(context->trace_id, "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(context->parent_id, "00f067aa0ba902b7");
}

TEST(TraceContextTest, ReadsALaterVersionByTheRulesOfThisOne) {
  for (const char* later : {"01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-comes-later"}) {
    EXPECT_TRUE(ParseTraceparent(later).has_value()) << later;
  }
}

TEST(TraceContextTest, IgnoresWhatDoesNotFollowTheStandard) {
  for (const char* wrong : {"", "00", "nonsense",
                            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",          // no flags
                            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",  // not in version 00
                            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01more",   // no dash before more
                            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",       // no version
                            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",       // upper case
                            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",       // nobody's trace
                            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",       // nobody's span
                            "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",       // no digit
                            "00 4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba902b7 01",       // no dashes
                            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0x"}) {    // no flags either
    EXPECT_FALSE(ParseTraceparent(wrong).has_value()) << wrong;
  }
}

}  // namespace
}  // namespace likeness
