#include "server/telemetry/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

#include <string>

namespace likeness {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string Scrape(const Metrics& metrics) {
  return prometheus::TextSerializer().Serialize(metrics.registry()->Collect());
}

TEST(MetricsTest, ExposesWhatIsAlwaysThereFromTheStart) {
  const Metrics metrics;
  const std::string scraped = Scrape(metrics);
  for (const char* line :
       {"likeness_cache_lookups_total{result=\"hit\"} 0", "likeness_cache_lookups_total{result=\"miss\"} 0",
        "likeness_cached_references 0", "likeness_gallery_persons 0", "likeness_persons_without_embedding 0",
        "likeness_references_without_embedding 0", "likeness_gallery_references 0", "likeness_queue_depth 0",
        "likeness_threshold_distance 0", "likeness_threshold_source{source=\"not_measured\"} 0"}) {
    EXPECT_THAT(scraped, HasSubstr(std::string(line) + "\n"));
  }
  for (const char* stage : {"decode", "detect", "align", "embed", "compare", "store"}) {
    EXPECT_THAT(scraped, HasSubstr(std::string("likeness_stage_duration_seconds_count{stage=\"") + stage + "\"} 0\n"));
  }
}

TEST(MetricsTest, CountsCallsByMethodAndCode) {
  Metrics metrics;
  metrics.CountCall("Verify", "OK", 0.02);
  metrics.CountCall("Verify", "OK", 0.3);
  metrics.CountCall("Verify", "INVALID_ARGUMENT", 0.001);
  const std::string scraped = Scrape(metrics);
  EXPECT_THAT(scraped, HasSubstr("likeness_rpc_total{code=\"OK\",method=\"Verify\"} 2\n"));
  EXPECT_THAT(scraped, HasSubstr("likeness_rpc_total{code=\"INVALID_ARGUMENT\",method=\"Verify\"} 1\n"));
  EXPECT_THAT(scraped, HasSubstr("likeness_rpc_duration_seconds_count{method=\"Verify\"} 3\n"));
  EXPECT_THAT(scraped, HasSubstr("likeness_rpc_duration_seconds_bucket{method=\"Verify\",le=\"0.025\"} 2\n"));
}

TEST(MetricsTest, CountsVerdictsAndTheirDistances) {
  Metrics metrics;
  metrics.CountVerdict("Verify", /*verified=*/true, 0.55);
  metrics.CountVerdict("Compare", /*verified=*/false, 1.35);
  const std::string scraped = Scrape(metrics);
  EXPECT_THAT(scraped, HasSubstr("likeness_verdicts_total{method=\"Verify\",verdict=\"same\"} 1\n"));
  EXPECT_THAT(scraped, HasSubstr("likeness_verdicts_total{method=\"Compare\",verdict=\"different\"} 1\n"));
  EXPECT_THAT(scraped, HasSubstr("likeness_distance_bucket{verdict=\"same\",le=\"0.5\"} 0\n"));
  EXPECT_THAT(scraped, HasSubstr("likeness_distance_bucket{verdict=\"same\",le=\"0.6\"} 1\n"));
  EXPECT_THAT(scraped, HasSubstr("likeness_distance_sum{verdict=\"different\"} 1.35\n"));
}

TEST(MetricsTest, CountsEachIssueOfAFaceThatWasRefused) {
  Metrics metrics;
  metrics.CountQualityRefusal("Verify", "BLURRED,CUT_OFF");
  metrics.CountQualityRefusal("Verify", "CUT_OFF");
  metrics.CountQualityRefusal("Verify", "");
  const std::string scraped = Scrape(metrics);
  EXPECT_THAT(scraped, HasSubstr("likeness_quality_refusals_total{issue=\"BLURRED\",method=\"Verify\"} 1\n"));
  EXPECT_THAT(scraped, HasSubstr("likeness_quality_refusals_total{issue=\"CUT_OFF\",method=\"Verify\"} 2\n"));
  EXPECT_THAT(scraped, testing::Not(HasSubstr("issue=\"\"")));
}

TEST(MetricsTest, TimesAStageFromItsBeginningToItsEnd) {
  Metrics metrics;
  { const StageTimer timer(metrics, Stage::kEmbed); }
  metrics.ObserveStage(Stage::kStore, 0.25);
  const std::string scraped = Scrape(metrics);
  EXPECT_THAT(scraped, HasSubstr("likeness_stage_duration_seconds_count{stage=\"embed\"} 1\n"));
  EXPECT_THAT(scraped, HasSubstr("likeness_stage_duration_seconds_sum{stage=\"store\"} 0.25\n"));
}

TEST(MetricsTest, SaysWhichModelDecidesAndByWhat) {
  Metrics metrics;
  metrics.SetModel("mobilefacenet-192", "1.0.0", "abcd", "cpu", 1.0424,
                   {.source = Metrics::ThresholdSource::kMeasured, .plain = false});
  EXPECT_THAT(Scrape(metrics),
              HasSubstr("likeness_model_info{device=\"cpu\",digest=\"abcd\",name=\"mobilefacenet-192\","
                        "version=\"1.0.0\"} 1\n"));
  EXPECT_THAT(Scrape(metrics), HasSubstr("likeness_threshold_distance 1.0424\n"));
  EXPECT_THAT(Scrape(metrics), HasSubstr("likeness_threshold_source{source=\"measured\"} 1\n"));
  EXPECT_THAT(Scrape(metrics), HasSubstr("likeness_threshold_source{source=\"not_measured\"} 0\n"));
}

TEST(MetricsTest, SaysWhatDecidesWhereNothingWasMeasured) {
  Metrics metrics;
  metrics.SetModel("siamese-article", "1.0.0", "abcd", "cpu", 1,
                   {.source = Metrics::ThresholdSource::kHalfMargin, .plain = true});
  EXPECT_THAT(Scrape(metrics), HasSubstr("likeness_threshold_source{source=\"half_margin\"} 1\n"));
  metrics.SetModel("siamese-article", "1.0.0", "abcd", "cpu", 0,
                   {.source = Metrics::ThresholdSource::kNotMeasured, .plain = true});
  EXPECT_THAT(Scrape(metrics), HasSubstr("likeness_threshold_source{source=\"half_margin\"} 0\n"));
  EXPECT_THAT(Scrape(metrics), HasSubstr("likeness_threshold_source{source=\"not_measured\"} 1\n"));
  EXPECT_THAT(Scrape(metrics), HasSubstr("likeness_threshold_distance 0\n"));
  EXPECT_THAT(Scrape(metrics), HasSubstr("likeness_threshold_plain 1\n"));
}

TEST(MetricsTest, ShowsTheLastOfWhatGoesUpAndDown) {
  Metrics metrics;
  metrics.SetGallerySize(12, 34);
  metrics.SetQueueDepth(5);
  metrics.SetQueueDepth(3);
  metrics.SetCachedReferences(7);
  metrics.CountCacheLookup(true);
  metrics.CountCacheLookup(false);
  metrics.CountCacheLookup(false);
  const std::string scraped = Scrape(metrics);
  for (const char* line : {"likeness_gallery_persons 12", "likeness_gallery_references 34", "likeness_queue_depth 3",
                           "likeness_cached_references 7", "likeness_cache_lookups_total{result=\"hit\"} 1",
                           "likeness_cache_lookups_total{result=\"miss\"} 2"}) {
    EXPECT_THAT(scraped, HasSubstr(std::string(line) + "\n"));
  }
}

TEST(MetricsTest, BelongToTheirServerAlone) {
  Metrics one, other;
  one.CountCall("Verify", "OK", 0.1);
  EXPECT_THAT(Scrape(other), Not(HasSubstr("likeness_rpc_total{code=\"OK\",method=\"Verify\"}")));
}

}  // namespace
}  // namespace likeness
