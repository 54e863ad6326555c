// The plots of an evaluation.
#ifndef LIKENESS_CLIENT_EVALUATION_PAGE_PLOTS_H_
#define LIKENESS_CLIENT_EVALUATION_PAGE_PLOTS_H_

#include <vector>

#include "client/evaluation_page/evaluation_page.h"
#include "client/evaluation_page/plot_data.h"

namespace likeness {

// ROC, DET, histograms, both errors against the threshold, errors against rejection: always all five, those that cannot
// be drawn without series. Where people are told apart, the groups' false match rates before these. The distances have
// to be in ascending order.
std::vector<PagePlot> EvaluationPlots(const EvaluationPage& page);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_EVALUATION_PAGE_PLOTS_H_
