// The plots that tell what a training did.
#ifndef LIKENESS_CLIENT_TRAINING_TRAINING_PLOTS_H_
#define LIKENESS_CLIENT_TRAINING_TRAINING_PLOTS_H_

#include <string>
#include <vector>

#include "client/training/plot.h"
#include "likeness/v1/training_service.pb.h"

namespace likeness {

// A plot and what it is filed under.
struct TrainingPlot {
  // For example "loss.svg".
  std::string file_name = {};
  Plot plot;
  // What to know when reading it, in plain text.
  std::string caption = {};
};

// Those that the training has numbers for: loss and mean distances by epoch; histograms before and after; the ROC.
std::vector<TrainingPlot> PlotsOf(const v1::Training& training);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_TRAINING_TRAINING_PLOTS_H_
