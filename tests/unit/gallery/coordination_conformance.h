// What every store promises about what servers agree on (server/gallery/coordination.h), to be run as
// store_conformance.h says.
#ifndef LIKENESS_TESTS_UNIT_GALLERY_COORDINATION_CONFORMANCE_H_
#define LIKENESS_TESTS_UNIT_GALLERY_COORDINATION_CONFORMANCE_H_

#include <gtest/gtest.h>

#include <string>

#include "tests/support/matchers.h"
#include "tests/unit/gallery/store_conformance.h"

namespace likeness {

const OperationOwner kHere{"here", "host-a"}, kThere{"there", "host-b"};

class CoordinationTest : public StoreConformanceTest {
 protected:
  void SetUp() override {
    StoreConformanceTest::SetUp();
    if (IsSkipped()) return;
    servers_ = &store_->coordination();
    for (uint8_t model : {2, 3}) ASSERT_THAT(store_->AllowModel(ModelNamed(model)), IsOk());
  }

  static ActivationRequest RequestOf(uint8_t model) { return {.model = ModelNamed(model), .base = ModelNamed(1)}; }

  std::string Begin(uint8_t model, const OperationOwner& owner = kHere) {
    const auto begun = servers_->BeginActivation(RequestOf(model), owner);
    EXPECT_THAT(begun, IsOk());
    return begun.ok() && begun->operation.has_value() ? begun->operation->name : "";
  }

  absl::StatusOr<SwitchResult> Switch(const std::string& operation, int64_t up_to = 1000,
                                      const OperationOwner& owner = kHere) {
    return servers_->Switch({.operation = operation, .base = ModelNamed(1), .up_to = up_to}, owner);
  }

  Coordination* servers_ = nullptr;
};

}  // namespace likeness

#endif  // LIKENESS_TESTS_UNIT_GALLERY_COORDINATION_CONFORMANCE_H_
