#include "client/training/training_plots.h"

#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/client/made_up_training.h"

namespace likeness {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> FileNames(const v1::Training& training) {
  std::vector<std::string> names;
  for (const TrainingPlot& plot : PlotsOf(training)) names.push_back(plot.file_name);
  return names;
}

// The plot with this file name.
TrainingPlot PlotIn(const v1::Training& training, const std::string& file_name) {
  for (const TrainingPlot& plot : PlotsOf(training)) {
    if (plot.file_name == file_name) return plot;
  }
  ADD_FAILURE() << "no plot " << file_name;
  return {};
}

TEST(TrainingPlotsTest, DrawsEpochsHistogramsAndTheRoc) {
  EXPECT_THAT(FileNames(MadeUpTraining()),
              ElementsAre("loss.svg", "distances.svg", "histogram-before.svg", "histogram-after.svg", "roc.svg"));
}

TEST(TrainingPlotsTest, DrawsOnlyWhatThereAreNumbersFor) {
  EXPECT_THAT(FileNames({}), IsEmpty());
  v1::Training training = MadeUpTraining();
  training.clear_before();
  training.clear_after();
  EXPECT_THAT(FileNames(training), ElementsAre("loss.svg", "distances.svg"));
}

TEST(TrainingPlotsTest, HasTheLossOfEachEpoch) {
  const Plot plot = PlotIn(MadeUpTraining(), "loss.svg").plot;
  ASSERT_EQ(plot.series.size(), 1u);
  ASSERT_EQ(plot.series[0].points.size(), 3u);
  EXPECT_EQ(plot.series[0].points[1].x, 2);
  EXPECT_EQ(plot.series[0].points[1].y, 0.25);
  EXPECT_EQ(plot.y.to, 0.5);
}

TEST(TrainingPlotsTest, HoldsTheMeanDistancesAgainstTheMargin) {
  const Plot plot = PlotIn(MadeUpTraining(), "distances.svg").plot;
  ASSERT_EQ(plot.series.size(), 2u);
  EXPECT_EQ(plot.series[0].points[1].y, 0.4);
  EXPECT_EQ(plot.series[1].points[1].y, 1.4);
  ASSERT_EQ(plot.rules.size(), 1u);
  EXPECT_EQ(plot.rules[0].at, 1.5);
  EXPECT_EQ(plot.rules[0].label, "margin 1.5");
}

TEST(TrainingPlotsTest, ShowsSharesOfPairsAndTheThreshold) {
  const TrainingPlot before = PlotIn(MadeUpTraining(), "histogram-before.svg");
  const Series& genuine = before.plot.series[0];
  ASSERT_EQ(genuine.points.size(), 20u);  // two corners for each bin
  EXPECT_DOUBLE_EQ(genuine.points[4].x, 0.4);
  EXPECT_DOUBLE_EQ(genuine.points[4].y, 100.0 * 60 / 180);
  ASSERT_EQ(before.plot.rules.size(), 1u);
  EXPECT_EQ(before.plot.rules[0].at, 1.0331) << "the threshold that decides";
  EXPECT_THAT(before.caption, HasSubstr("180 genuine and 2600 impostor pairs"));
}

TEST(TrainingPlotsTest, GivesBothHistogramsOneAxis) {
  v1::Training training = MadeUpTraining();
  training.mutable_after()->set_impostor_histogram(9, 0);  // its distances end at 1.8, those before at 2
  EXPECT_EQ(PlotIn(training, "histogram-before.svg").plot.x.to, 2);
  EXPECT_EQ(PlotIn(training, "histogram-after.svg").plot.x.to, 2);
}

TEST(TrainingPlotsTest, SaysThatTheRocIsDrawnFromBins) {
  const TrainingPlot roc = PlotIn(MadeUpTraining(), "roc.svg");
  EXPECT_THAT(roc.caption, HasSubstr("drawn from the bins of the histograms"));
  ASSERT_EQ(roc.plot.series.size(), 4u);  // before and after: a curve and the measured rates
  EXPECT_EQ(roc.plot.series[0].points.size(), 11u);
  EXPECT_EQ(roc.plot.series[3].points[0].x, 0.0098);
  EXPECT_EQ(roc.plot.series[3].points[0].y, 0.9375);
  EXPECT_EQ(roc.plot.x.from, 1.0 / 2600);
}

TEST(TrainingPlotsTest, SurvivesNumbersThatAreNone) {
  v1::Training training = MadeUpTraining();
  training.mutable_epochs(2)->set_loss(std::numeric_limits<double>::quiet_NaN());
  training.mutable_before()->set_bin_width(std::numeric_limits<double>::infinity());
  training.mutable_after()->set_bin_width(std::numeric_limits<double>::quiet_NaN());
  EXPECT_THAT(FileNames(training), ElementsAre("loss.svg", "distances.svg"));
  EXPECT_EQ(PlotIn(training, "loss.svg").plot.y.to, 0.5);
}

}  // namespace
}  // namespace likeness
