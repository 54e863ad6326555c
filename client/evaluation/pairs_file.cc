#include "client/evaluation/pairs_file.h"

#include <cstdint>
#include <set>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"

namespace likeness {
namespace {

using Fields = std::vector<std::string>;

// Reads lines that are not blank, and knows the number of the last one.
class LineReader {
 public:
  explicit LineReader(std::istream& in) : in_(in) {}

  // The fields of the next line; empty at the end.
  Fields Next() {
    for (std::string line; std::getline(in_, line);) {
      ++number_;
      Fields fields = absl::StrSplit(line, absl::ByAnyChar(" \t\r\v\f"), absl::SkipEmpty());
      if (!fields.empty()) return fields;
    }
    return {};
  }

  absl::Status Error(absl::string_view message) const {
    return absl::InvalidArgumentError(absl::StrCat("line ", number_, ": ", message));
  }

 private:
  std::istream& in_;
  int64_t number_ = 0;
};

bool ParsePositive(const std::string& field, int32_t* number) { return absl::SimpleAtoi(field, number) && *number > 0; }

std::string PhotoPath(const std::string& name, int32_t number) {
  return absl::StrFormat("%s/%s_%04d.jpg", name, name, number);
}

absl::StatusOr<PhotoPair> ParsePair(const Fields& fields, const LineReader& lines) {
  if (fields.size() != 3 && fields.size() != 4) {
    return lines.Error(absl::StrCat("expected `name i j` or `name1 i name2 j`, found ", fields.size(), " fields"));
  }
  const bool genuine = fields.size() == 3;
  int32_t a;
  int32_t b;
  if (!ParsePositive(fields[1], &a) || !ParsePositive(fields.back(), &b)) {
    return lines.Error("the number of a photo must be a whole number from 1");
  }
  return PhotoPair{PhotoPath(fields[0], a), PhotoPath(fields[genuine ? 0 : 2], b), genuine};
}

absl::StatusOr<std::vector<PhotoPair>> ReadFold(LineReader& lines, int32_t pairs_of_each_kind) {
  std::vector<PhotoPair> fold;
  int64_t left[] = {pairs_of_each_kind, pairs_of_each_kind};  // impostor, genuine
  while (left[0] + left[1] > 0) {
    const Fields fields = lines.Next();
    if (fields.empty()) {
      return lines.Error(absl::StrCat("the list ends, but its heading promises ", left[1], " more genuine and ",
                                      left[0], " more impostor pairs for this fold"));
    }
    absl::StatusOr<PhotoPair> pair = ParsePair(fields, lines);
    if (!pair.ok()) return pair.status();
    if (left[pair->genuine]-- == 0) {
      return lines.Error(absl::StrCat("more than ", pairs_of_each_kind, pair->genuine ? " genuine" : " impostor",
                                      " pairs in this fold"));
    }
    fold.push_back(*std::move(pair));
  }
  return fold;
}

}  // namespace

absl::StatusOr<PairFolds> ReadPairs(std::istream& in) {
  LineReader lines(in);
  const Fields heading = lines.Next();
  int32_t fold_count = 1;
  int32_t pairs_of_each_kind = 0;
  if (heading.empty() || heading.size() > 2 || (heading.size() == 2 && !ParsePositive(heading[0], &fold_count)) ||
      !ParsePositive(heading.back(), &pairs_of_each_kind)) {
    return lines.Error("expected the number of pairs, or the numbers of folds and of pairs in each");
  }
  PairFolds folds;
  for (int32_t i = 0; i < fold_count; ++i) {
    absl::StatusOr<std::vector<PhotoPair>> fold = ReadFold(lines, pairs_of_each_kind);
    if (!fold.ok()) return fold.status();
    folds.push_back(*std::move(fold));
  }
  if (!lines.Next().empty()) return lines.Error("more pairs than the heading says");
  return folds;
}

std::vector<std::string> PhotosOf(const PairFolds& folds) {
  std::set<std::string> photos;
  for (const std::vector<PhotoPair>& fold : folds) {
    for (const PhotoPair& pair : fold) photos.insert({pair.photo_a, pair.photo_b});
  }
  return {photos.begin(), photos.end()};
}

}  // namespace likeness
