#include "client/training/report_files.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/training/markup.h"
#include "server/files/files.h"

namespace likeness {
namespace {

namespace fs = std::filesystem;

constexpr uintmax_t kLargestEmbeddedPhoto = 200'000;  // bytes; so that a page of dozens of photos still opens at once

}  // namespace

ReportPhoto LoadReportPhoto(const SentPhotos& sent, int index) {
  if (index < 0 || static_cast<size_t>(index) >= sent.photos.size()) {
    return {.name = absl::StrCat("photo ", index), .note = "Not among the photos that were sent."};
  }
  ReportPhoto photo = {.name = sent.photos[static_cast<size_t>(index)].name};
  const std::string path = absl::StrCat(sent.folder, "/", photo.name);
  std::error_code error;
  const uintmax_t size = fs::file_size(path, error);
  if (!error && size >= kLargestEmbeddedPhoto) {
    photo.note = absl::StrFormat("A photo of %d kB, too large to be shown here.", size / 1000);
    return photo;
  }
  const absl::StatusOr<std::string> bytes = ReadWholeFile(path);
  if (!bytes.ok()) {
    photo.note = "The photo can no longer be read.";
    return photo;
  }
  photo.uri = PhotoUri(photo.name, *bytes);
  if (photo.uri.empty()) photo.note = "A PNM file, which browsers do not show.";
  return photo;
}

absl::StatusOr<std::string> WriteReport(const std::string& folder, const v1::Training& training,
                                        const SentPhotos& sent) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return absl::FailedPreconditionError(absl::StrCat(folder, " cannot be made: ", error.message()));
  const std::vector<TrainingPlot> plots = PlotsOf(training);
  for (const TrainingPlot& plot : plots) {
    const absl::Status written = ReplaceFile(absl::StrCat(folder, "/", plot.file_name), DrawSvg(plot.plot));
    if (!written.ok()) return written;
  }
  const std::string path = absl::StrCat(folder, "/train-report.html");
  const absl::Status written = ReplaceFile(
      path, ReportPage(training, plots, sent.rejected, [&sent](int index) { return LoadReportPhoto(sent, index); }));
  if (!written.ok()) return written;
  return path;
}

}  // namespace likeness
