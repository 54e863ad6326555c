// What a training did, as one HTML page.
#ifndef LIKENESS_CLIENT_TRAINING_REPORT_PAGE_H_
#define LIKENESS_CLIENT_TRAINING_REPORT_PAGE_H_

#include <functional>
#include <string>
#include <vector>

#include "client/training/training_plots.h"
#include "likeness/v1/training_service.pb.h"

namespace likeness {

// A photo that the server could not use.
struct RejectedFile {
  std::string name = {};
  // As in RejectedPhoto.
  std::string reason = {};
  std::string message = {};
};

// A photo as the page shows it.
struct ReportPhoto {
  std::string name = {};
  // A data: URI; empty for one that is left out.
  std::string uri = {};
  // Why it is left out.
  std::string note = {};
};

// The page: outcome, settings, errors before and after, the plots, pairs of strangers with their distances, what
// was found wrong with photos, and the rejected ones. It holds everything that it shows and has no script; its policy
// lets a browser load nothing. Texts of the training, of file names and of photos are escaped. `photo` gives the photo
// with a number in the stream, whatever the number.
std::string ReportPage(const v1::Training& training, const std::vector<TrainingPlot>& plots,
                       const std::vector<RejectedFile>& rejected, const std::function<ReportPhoto(int)>& photo);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_TRAINING_REPORT_PAGE_H_
