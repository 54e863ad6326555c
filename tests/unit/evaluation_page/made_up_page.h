// A page with everything that it can show, for the tests of evaluation pages.
#ifndef LIKENESS_TESTS_UNIT_EVALUATION_PAGE_MADE_UP_PAGE_H_
#define LIKENESS_TESTS_UNIT_EVALUATION_PAGE_MADE_UP_PAGE_H_

#include <cmath>
#include <limits>
#include <random>
#include <string>

#include "absl/strings/escaping.h"
#include "client/evaluation_page/evaluation_page.h"

namespace likeness {

// One red pixel.
inline std::string TinyPng() {
  std::string bytes;
  absl::Base64Unescape(
      "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==", &bytes);
  return bytes;
}

inline EvaluationPage MadeUpPage() {
  EvaluationPage page{.title = "model <1> & \"photos\"", .facts = {{"Equal <error> rate", "0.8 % & less"}}};
  std::mt19937 random(1);
  std::normal_distribution<double> near(0.8, 0.15);
  std::normal_distribution<double> far(1.35, 0.1);
  for (int i = 0; i < 3000; ++i) page.genuine.push_back(std::abs(near(random)));
  for (int i = 0; i < 20000; ++i) page.impostor.push_back(std::abs(far(random)));
  page.genuine.push_back(std::numeric_limits<double>::infinity());  // a photo failed
  page.threshold = 1.05;
  for (int i = 0; i <= 10; ++i) page.rejection.push_back({0.05 * i, 0.01 - 0.0005 * i});
  page.groups = {.columns = {"FMR"},
                 .rows = {{.name = "ages/<young>",
                           .cells = {"0.44 % [0.01, 1.26]"},
                           .false_match_rate = {{0.0044, 0.0001, 0.0126}}},
                          {.name = "none", .cells = {"0.00 % [0.00, 0.30]"}, .false_match_rate = {{0, 0, 0.003}}},
                          {.name = "few", .cells = {"not measurable"}}},
                 .summary = "the worst is <young>",
                 .stated_false_match_rate = 1e-3};
  for (int i = 0; i < 12; ++i) {
    page.worst_genuine.push_back({.photo_a = "ann/<1>.png",
                                  .photo_b = "ann/2.png",
                                  .bytes_a = TinyPng(),
                                  .bytes_b = "",
                                  .distance = 1.3 - 0.01 * i,
                                  .genuine = true,
                                  .wrong = true});
    page.worst_impostor.push_back({.photo_a = "ann/1.png",
                                   .photo_b = "bob/1.pgm",
                                   .bytes_a = TinyPng(),
                                   .bytes_b = "P5 1 1 255 x",
                                   .distance = 0.9 + 0.01 * i,
                                   .genuine = false});
  }
  return page;
}

}  // namespace likeness

#endif  // LIKENESS_TESTS_UNIT_EVALUATION_PAGE_MADE_UP_PAGE_H_
