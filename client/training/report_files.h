// The report of a training as files: a page, and its plots as pictures of their own.
#ifndef LIKENESS_CLIENT_TRAINING_REPORT_FILES_H_
#define LIKENESS_CLIENT_TRAINING_REPORT_FILES_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/training/report_page.h"
#include "client/training/sent_photos.h"
#include "likeness/v1/training_service.pb.h"

namespace likeness {

// Makes the folder where it is missing, writes `train-report.html` and the plots (`loss.svg`, …) into it, over those of
// an earlier training, and returns the page's path. The page shows photos as they lie in their files, unless they are
// of 200 kB or more, or PNM, which browsers do not show. FAILED_PRECONDITION where a file cannot be written.
absl::StatusOr<std::string> WriteReport(const std::string& folder, const v1::Training& training,
                                        const SentPhotos& sent);

// The photo with this number in the stream as the page shows it.
ReportPhoto LoadReportPhoto(const SentPhotos& sent, int index);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_TRAINING_REPORT_FILES_H_
