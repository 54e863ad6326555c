#include "server/threads/polite_thread.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "tests/support/matchers.h"

namespace likeness {
namespace {

TEST(PoliteThreadTest, WhatIsThrownIsTheErrorOfWhoeverAskedAndTheThreadGoesOn) {
  PoliteThread thread;
  EXPECT_THAT(thread.Run([] { throw std::runtime_error("a fault"); }), FailsWith(Reason::INTERNAL));
  bool ran = false;
  EXPECT_THAT(thread.Run([&] { ran = true; }), IsOk());
  EXPECT_TRUE(ran);
}

}  // namespace
}  // namespace likeness
