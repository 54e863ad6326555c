#include "client/evaluation_page/pair_figures.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "client/training/markup.h"

namespace likeness {
namespace {

constexpr size_t kMostPairs = 10;
constexpr size_t kLargestPhoto = 2'000'000;  // bytes; so that a page of forty photos still opens

// The media type that the file's leading bytes tell; empty for one that browsers do not show.
absl::string_view MediaType(absl::string_view bytes) {
  if (absl::StartsWith(bytes, "\xFF\xD8\xFF")) return "image/jpeg";
  if (absl::StartsWith(bytes, "\x89PNG\r\n\x1A\n")) return "image/png";
  if (absl::StartsWith(bytes, "RIFF") && bytes.size() >= 12 && bytes.substr(8, 4) == "WEBP") return "image/webp";
  return "";
}

std::string Absent(const std::string& why) { return absl::StrCat("<div class=\"absent\">", why, "</div>"); }

std::string Picture(absl::string_view bytes) {
  if (bytes.empty()) return Absent("The photo could not be read.");
  if (bytes.size() > kLargestPhoto) {
    return Absent(absl::StrFormat("A photo of %.1f MB, too large to be shown here.", 1e-6 * bytes.size()));
  }
  const absl::string_view type = MediaType(bytes);
  if (type.empty()) return Absent("A photo in a format that browsers do not show.");
  return absl::StrCat("<img alt=\"\" decoding=\"async\" src=\"data:", type, ";base64,", absl::Base64Escape(bytes),
                      "\">");
}

std::string PhotoBlock(const std::string& name, absl::string_view bytes) {
  return absl::StrCat("<div>", Picture(bytes), EscapeMarkup(name), "</div>\n");
}

std::string Caption(const PagePair& pair) {
  return absl::StrCat(pair.genuine ? "the same person" : "two people", ", ",
                      std::isfinite(pair.distance) ? absl::StrFormat("distance <strong>%.4f</strong>", pair.distance)
                                                   : "<strong>no distance</strong>: a photo failed",
                      !pair.wrong    ? ""
                      : pair.genuine ? ": <strong class=\"wrong\">false non-match</strong>"
                                     : ": <strong class=\"wrong\">false match</strong>");
}

}  // namespace

std::string PairFigures(const std::vector<PagePair>& pairs, const std::string& none) {
  if (pairs.empty()) return absl::StrCat("<p class=\"none\">", EscapeMarkup(none), "</p>\n");
  std::string html = "<div class=\"pairs\">\n";
  for (size_t i = 0; i < std::min(pairs.size(), kMostPairs); ++i) {
    absl::StrAppend(&html, "<figure class=\"pair", pairs[i].wrong ? " is-wrong" : "", "\">\n<div class=\"faces\">\n",
                    PhotoBlock(pairs[i].photo_a, pairs[i].bytes_a), PhotoBlock(pairs[i].photo_b, pairs[i].bytes_b),
                    "</div>\n<figcaption>", Caption(pairs[i]), "</figcaption>\n</figure>\n");
  }
  return html + "</div>\n";
}

}  // namespace likeness
