#include "client/cli/threshold_text.h"

#include <gtest/gtest.h>

namespace likeness {
namespace {

v1::Threshold Measured(double distance) {
  v1::Threshold threshold;
  threshold.set_distance(distance);
  threshold.set_base_distance(1.0571);
  threshold.set_source(v1::THRESHOLD_SOURCE_OPERATING_POINT);
  threshold.set_false_match_rate(0.001);
  return threshold;
}

TEST(ThresholdTextTest, TellsTheBaseOfALoweredThresholdAndTheWorstGroup) {
  v1::Threshold threshold = Measured(0.9871);
  threshold.mutable_worst_group()->set_name("ages/young");
  threshold.mutable_worst_group()->set_false_match_rate(0.0012);
  EXPECT_EQ(ThresholdText(threshold),
            "threshold 0.9871 (base 1.0571, false match rate 0.001; worst measured group ages/young 0.12 %)");
  threshold.set_false_match_rate_low(0.0008);
  threshold.set_false_match_rate_high(0.0013);
  EXPECT_EQ(
      ThresholdText(threshold),
      "threshold 0.9871 (base 1.0571, false match rate 0.001, 95 % between 0.0008 and 0.0013; worst measured group "
      "ages/young 0.12 %)");
}

TEST(ThresholdTextTest, SaysNothingOfABaseThatIsTheThreshold) {
  EXPECT_EQ(ThresholdText(Measured(1.0571)), "threshold 1.0571 (false match rate 0.001)");
  EXPECT_EQ(ThresholdText(Measured(1.05709)), "threshold 1.0571 (false match rate 0.001)") << "in what is shown";
}

TEST(ThresholdTextTest, TellsTheBaseOfALoweredHalfMarginToo) {
  v1::Threshold threshold = Measured(0.9);
  threshold.set_source(v1::THRESHOLD_SOURCE_HALF_MARGIN);
  EXPECT_EQ(
      ThresholdText(threshold),
      "threshold 0.9000 (base 1.0571, half the margin: no measurement of the model supports the false match rate)");
}

v1::Threshold NotMeasured() {
  v1::Threshold threshold;
  threshold.set_distance(-1);
  threshold.set_base_distance(-1);
  threshold.set_source(v1::THRESHOLD_SOURCE_NOT_MEASURED);
  return threshold;
}

TEST(ThresholdTextTest, SaysThatThereIsNone) {
  EXPECT_EQ(ThresholdText(NotMeasured()),
            "no threshold (not measured at the server's --target-fmr: Verify and Compare do not answer)");
}

TEST(ThresholdChangeTextTest, SaysWhatWouldDecideAndWhatItStandsFor) {
  v1::Threshold half = Measured(0.7071);
  half.set_source(v1::THRESHOLD_SOURCE_HALF_MARGIN);
  half.clear_false_match_rate();
  EXPECT_EQ(ThresholdChangeText(Measured(1.0419), Measured(1.03)), "threshold 1.0419 → 1.0300, FMR 0.1 %");
  EXPECT_EQ(ThresholdChangeText(Measured(1.0331), half), "threshold 1.0331 → 0.7071, not measured");
  EXPECT_EQ(ThresholdChangeText(Measured(1.0331), NotMeasured()),
            "threshold 1.0331 → none, not measured: Verify and Compare would not answer");
  EXPECT_EQ(ThresholdChangeText(NotMeasured(), Measured(1.03)), "threshold none → 1.0300, FMR 0.1 %");
}

}  // namespace
}  // namespace likeness
