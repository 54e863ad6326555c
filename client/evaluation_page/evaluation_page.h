// A whole evaluation as one HTML page: figures, worst pairs as pictures.
//
// The page holds everything that it shows, its plotting library (Chart.js) too, and needs no network: its policy lets a
// browser load nothing and run no script but its own two.
//
//   EvaluationPage page = {.title = "mobilefacenet-192 1 on lfw", .genuine = {0.6, 0.9}, .impostor = {1.2, 1.4}};
//   page.threshold = 1.1;
//   absl::Status written = ReplaceFile("out.html", EvaluationPageHtml(std::move(page)));
#ifndef LIKENESS_CLIENT_EVALUATION_PAGE_EVALUATION_PAGE_H_
#define LIKENESS_CLIENT_EVALUATION_PAGE_EVALUATION_PAGE_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace likeness {

// A pair to look at. Texts are plain.
struct PagePair {
  std::string photo_a;
  std::string photo_b;
  // The files. One that is empty, of more than 2 MB, or not JPEG, PNG or WebP is named but not shown.
  std::string bytes_a = {};
  std::string bytes_b = {};
  // +infinity where a photo failed.
  double distance = 0;
  bool genuine = false;
  bool wrong = false;  // decided wrongly at the server's threshold, or not at all
};

// What refusing the photos of lowest quality does to the errors of the rest.
struct RejectionPoint {
  // The share of pairs that were left out, 0 to 1.
  double rejected = 0;
  // FNMR of the remaining ones at the fixed threshold, 0 to 1.
  double false_non_match_rate = 0;
};

// A rate with its confidence interval, 0 to 1.
struct PageRate {
  double value = 0;
  double low = 0;
  double high = 0;
};

// People whose errors are told apart from those of others.
struct PageGroup {
  std::string name;
  // Of the table, plain text: one for each of the columns but the first, which is the name.
  std::vector<std::string> cells = {};
  // At the server's threshold. Absent where it was not measured; it is then not drawn.
  std::optional<PageRate> false_match_rate = {};
};

struct PageGroups {
  std::vector<std::string> columns = {};  // without the name's
  std::vector<PageGroup> rows = {};
  // Which group is the worst, and by how much; plain text.
  std::string summary = {};
  // What the server's threshold stands for, above 0 and at most 1, where that is known.
  std::optional<double> stated_false_match_rate = {};
};

struct EvaluationPage {
  // Model and data, plain text.
  std::string title;
  // A table at the top: labels and values, plain text.
  std::vector<std::pair<std::string, std::string>> facts = {};
  // Distances of all pairs, normalized where the model has a cohort, in any order, 0 or more; +infinity for a pair that
  // failed, never NaN. Either may be empty.
  std::vector<double> genuine = {};
  std::vector<double> impostor = {};
  // The server's: a pair is verified at this distance or a smaller one.
  double threshold = 0;
  // In ascending order of the share. Empty where quality was not measured; the page then says so.
  std::vector<RejectionPoint> rejection = {};
  // Without rows where people are not told apart: the page then has neither table nor plot of them.
  PageGroups groups = {};
  // Worst first, 10 at most; more are left out.
  std::vector<PagePair> worst_genuine = {};
  std::vector<PagePair> worst_impostor = {};
};

// The page. Sorts the distances where they are, so hand them over.
std::string EvaluationPageHtml(EvaluationPage page);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_EVALUATION_PAGE_EVALUATION_PAGE_H_
