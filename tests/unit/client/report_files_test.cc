#include "client/training/report_files.h"

#include <filesystem>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/files.h"
#include "tests/unit/client/made_up_training.h"

namespace likeness {
namespace {

using ::testing::HasSubstr;

class ReportFilesTest : public ::testing::Test {
 protected:
  ReportFilesTest() { std::filesystem::create_directories(sent_.folder); }

  void AddPhoto(const std::string& name, const std::string& bytes) {
    WriteFile(sent_.folder + "/" + name, bytes);
    sent_.photos.push_back({"alice", name});
  }

  SentPhotos sent_ = {.folder = UniquePath("faces")};
};

TEST_F(ReportFilesTest, WritesThePageAndItsPlots) {
  const std::string folder = UniquePath("a/report");
  AddPhoto("1.jpg", "one");
  const absl::StatusOr<std::string> page = WriteReport(folder, MadeUpTraining(), sent_);
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_EQ(*page, folder + "/train-report.html");
  EXPECT_THAT(ReadFile(*page), HasSubstr("data:image/jpeg;base64,b25l"));
  for (const char* plot : {"loss", "distances", "histogram-before", "histogram-after", "roc"}) {
    EXPECT_THAT(ReadFile(folder + "/" + plot + ".svg"), HasSubstr("</svg>")) << plot;
  }
}

TEST_F(ReportFilesTest, EmbedsPhotosBelow200Kilobytes) {
  AddPhoto("small.png", std::string(199'999, 'x'));
  AddPhoto("large.png", std::string(200'000, 'x'));
  EXPECT_THAT(LoadReportPhoto(sent_, 0).uri, HasSubstr("data:image/png;base64,"));
  EXPECT_EQ(LoadReportPhoto(sent_, 1).uri, "");
  EXPECT_EQ(LoadReportPhoto(sent_, 1).note, "A photo of 200 kB, too large to be shown here.");
}

TEST_F(ReportFilesTest, SaysWhatItCannotShow) {
  AddPhoto("a.pgm", "P5");
  AddPhoto("gone.jpg", "photo");
  std::filesystem::remove(sent_.folder + "/gone.jpg");
  EXPECT_EQ(LoadReportPhoto(sent_, 0).note, "A PNM file, which browsers do not show.");
  EXPECT_EQ(LoadReportPhoto(sent_, 1).note, "The photo can no longer be read.");
  EXPECT_EQ(LoadReportPhoto(sent_, 2).note, "Not among the photos that were sent.");
  EXPECT_EQ(LoadReportPhoto(sent_, -1).name, "photo -1");
}

TEST_F(ReportFilesTest, ReportsAFolderThatCannotBeMade) {
  const std::string file = UniquePath("file");
  WriteFile(file, "");
  EXPECT_EQ(WriteReport(file + "/report", MadeUpTraining(), sent_).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace likeness
