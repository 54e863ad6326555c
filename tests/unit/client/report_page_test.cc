#include "client/training/report_page.h"

#include "client/training/markup.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/client/made_up_training.h"

namespace likeness {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

ReportPhoto SomePhoto(int index) {
  return {.name = "photo " + std::to_string(index) + ".jpg", .uri = "data:image/jpeg;base64,AQI="};
}

std::string PageOf(const v1::Training& training, const std::vector<RejectedFile>& rejected = {}) {
  return ReportPage(training, PlotsOf(training), rejected, &SomePhoto);
}

int Count(const std::string& text, const std::string& part) {
  int count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(ReportPageTest, SaysWhatCameOfTheTraining) {
  const std::string page = PageOf(MadeUpTraining());
  EXPECT_THAT(page, HasSubstr("<h1>Training of mobilefacenet-192-trained succeeded</h1>"));
  // Neither command nor page used to show the threshold that decides.
  EXPECT_THAT(page, HasSubstr("<td class=\"number\">1.0331</td><td class=\"number\">0.9812</td>"));
  EXPECT_THAT(page, HasSubstr("lfw</th><td>1.20 % of genuine pairs rejected, 0.07 % of strangers matched</td>"
                              "<td>1.25 % of genuine pairs rejected, 0.07 % of strangers matched (foretold)</td>"));
  EXPECT_THAT(page, HasSubstr("queued 2023-11-14T22:13:20Z, ended 2023-11-14T22:28:20Z"));
  EXPECT_THAT(page, HasSubstr("</strong> became the active one: it rejects 6.25 % of genuine pairs instead of 25 %"));
  EXPECT_THAT(page, HasSubstr("digest 5d41402abc4b2a76b9719d911017c592ae2b1f7f4b8bd0f1e5d7a1c3b2a49786"));
  EXPECT_THAT(page, HasSubstr("380 used, 2 rejected"));
}

TEST(ReportPageTest, ComparesTheErrorsBeforeAndAfter) {
  const std::string page = PageOf(MadeUpTraining());
  EXPECT_THAT(page, HasSubstr("<tr><th>FNMR at FMR 0.01</th>"
                              "<td class=\"number\">25.00 % (20.00 to 30.00), threshold 0.6200</td>"
                              "<td class=\"number\">6.25 % (5.00 to 7.50), threshold 0.7800</td></tr>"));
  EXPECT_THAT(page,
              HasSubstr("<tr><th>EER</th><td class=\"number\">12.50 %</td><td class=\"number\">3.12 %</td></tr>"));
}

TEST(ReportPageTest, HasEachPlotWithItsCaption) {
  const v1::Training training = MadeUpTraining();
  const std::string page = PageOf(training);
  EXPECT_EQ(Count(page, "<svg "), 5);
  for (const TrainingPlot& plot : PlotsOf(training)) {
    EXPECT_THAT(page, HasSubstr("<title>" + EscapeMarkup(plot.plot.title) + "</title>"));
    EXPECT_THAT(page, HasSubstr("<figcaption>" + EscapeMarkup(plot.caption)));
  }
}

TEST(ReportPageTest, ShowsPairsWithTheirDissimilarityBeforeAndAfter) {
  const std::string page = PageOf(MadeUpTraining());
  EXPECT_EQ(Count(page, "<img src=\"data:image/jpeg;base64,AQI=\""), 4);
  EXPECT_THAT(page, HasSubstr("the same person</strong>, dissimilarity 0.7071 before, <strong>0.3535</strong> after"));
  EXPECT_THAT(page, HasSubstr("two people</strong>, dissimilarity 0.9000 before, <strong>1.4142</strong> after"));
  EXPECT_THAT(page, HasSubstr("up to 1.0331 before and up to 0.9812 after"));
}

TEST(ReportPageTest, SaysWhyAPhotoIsNotShown) {
  const v1::Training training = MadeUpTraining();
  const std::string page = ReportPage(training, {}, {}, [](int) {
    return ReportPhoto{.name = "a.jpg", .note = "A photo of 1200 kB, too large to be shown here."};
  });
  EXPECT_THAT(page, HasSubstr("A photo of 1200 kB, too large to be shown here."));
  EXPECT_THAT(page, Not(HasSubstr("<img")));
}

TEST(ReportPageTest, SaysThatThereAreNoPairs) {
  v1::Training training = MadeUpTraining();
  training.mutable_before()->clear_examples();
  training.mutable_after()->clear_examples();
  EXPECT_THAT(PageOf(training), HasSubstr("The server sent no pairs to show."));
}

TEST(ReportPageTest, SaysWhatATrainingWithoutStrangersLacks) {
  v1::Training training = MadeUpTraining();
  training.clear_before();
  training.clear_after();
  EXPECT_THAT(PageOf(training), HasSubstr("Nobody was evaluated on."));
}

TEST(ReportPageTest, ReportsAFailedTraining) {
  v1::Training training;
  training.set_state(v1::TRAINING_STATE_FAILED);
  training.mutable_failure()->set_reason("LOSS_NOT_FINITE");
  training.mutable_failure()->set_message("the loss is no longer a number");
  const std::string page = PageOf(training);
  EXPECT_THAT(page, HasSubstr("<h1>Training of a model failed</h1>"));
  EXPECT_THAT(page, HasSubstr("<strong>LOSS_NOT_FINITE</strong>: the loss is no longer a number"));
  EXPECT_THAT(page, HasSubstr("The training ended before there was anything to draw."));
}

TEST(ReportPageTest, NamesRejectedPhotos) {
  EXPECT_THAT(PageOf(MadeUpTraining(), {{"bob/2.jpg", "FACE_NOT_FOUND", "no face was found"}}),
              HasSubstr("<tr><td>bob/2.jpg</td><td>FACE_NOT_FOUND</td><td>no face was found</td></tr>"));
}

TEST(ReportPageTest, EscapesTextsOfTheServerAndOfFileNames) {
  const std::string attack = "<img src=x onerror=alert(1)>\"'";
  v1::Training training = MadeUpTraining();
  training.set_training_id(attack);
  training.mutable_config()->set_name(attack);
  training.mutable_config()->set_base_model(attack);
  training.mutable_failure()->set_reason(attack);
  training.mutable_failure()->set_message(attack);
  training.mutable_result()->mutable_model()->set_name(attack);
  training.mutable_result()->mutable_model()->set_version(attack);
  training.mutable_result()->mutable_model()->set_digest(attack);
  training.mutable_result()->set_promotion_reason(attack);
  const std::string page = ReportPage(training, PlotsOf(training), {{attack, attack, attack}}, [&attack](int index) {
    return ReportPhoto{.name = attack, .uri = index == 0 ? attack : "", .note = attack};
  });
  EXPECT_THAT(page, Not(HasSubstr("<img src=x")));
  EXPECT_GT(Count(page, "&lt;img src=x onerror=alert(1)&gt;&quot;&#39;"), 12);
}

TEST(ReportPageTest, LoadsNothingAndHasNoScript) {
  const std::string page = PageOf(MadeUpTraining());
  EXPECT_THAT(page, HasSubstr("content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\""));
  EXPECT_THAT(page, HasSubstr("prefers-color-scheme:dark"));
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_EQ(Count(page, "http"), Count(page, "http-equiv") + Count(page, "http://www.w3.org/2000/svg"));
}

}  // namespace
}  // namespace likeness
