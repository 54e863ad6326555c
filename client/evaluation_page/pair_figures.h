// Pairs of photos as HTML.
#ifndef LIKENESS_CLIENT_EVALUATION_PAGE_PAIR_FIGURES_H_
#define LIKENESS_CLIENT_EVALUATION_PAGE_PAIR_FIGURES_H_

#include <string>
#include <vector>

#include "client/evaluation_page/evaluation_page.h"

namespace likeness {

// A figure for each of the first ten pairs: both photos side by side, their names and distance. A paragraph that says
// `none` (plain text) where there are no pairs.
std::string PairFigures(const std::vector<PagePair>& pairs, const std::string& none);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_EVALUATION_PAGE_PAIR_FIGURES_H_
