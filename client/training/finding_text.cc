#include "client/training/finding_text.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace likeness {
namespace {

constexpr int kMostNames = 5;

// "a/1.jpg, a/2.jpg and 3 others"
std::string Names(const google::protobuf::RepeatedField<int32_t>& photos, const std::function<std::string(int)>& name) {
  std::string text;
  const int named = photos.size() > kMostNames + 1 ? kMostNames : photos.size();
  for (int i = 0; i < named; ++i) {
    const bool last = i + 1 == photos.size();
    absl::StrAppend(&text, i == 0 ? "" : last ? " and " : ", ", name(photos.Get(i)));
  }
  if (named < photos.size()) absl::StrAppend(&text, " and ", photos.size() - named, " others");
  return text;
}

std::string WhatIsWrong(v1::PhotoFindingKind kind, bool several, const std::string& others) {
  switch (kind) {
    case v1::PHOTO_FINDING_KIND_DUPLICATE:
      return absl::StrCat("nearly the same photo as ", others);
    case v1::PHOTO_FINDING_KIND_DUPLICATE_OF_ANOTHER_PERSON:
      return absl::StrCat("nearly the same photo as ", others, ", which is under another name");
    case v1::PHOTO_FINDING_KIND_TWO_PEOPLE:
      return absl::StrCat(several ? "show" : "shows", " another person than ", others);
    case v1::PHOTO_FINDING_KIND_SAME_PERSON:
      return absl::StrCat(several ? "show" : "shows", " the same person as ", others, ", under another name");
    case v1::PHOTO_FINDING_KIND_UNLIKE_THE_OTHERS:
      return absl::StrCat("unlike ", others, " under the same name");
    default:
      return absl::StrCat("something is wrong, compared with ", others);
  }
}

}  // namespace

std::string FindingText(const v1::PhotoFinding& finding, const std::function<std::string(int)>& name) {
  return absl::StrFormat(
      "%s %s: %s (distance %.2f)", finding.left_out() ? "left out" : "look at", Names(finding.photos(), name),
      WhatIsWrong(finding.kind(), finding.photos_size() > 1, Names(finding.compared_with(), name)), finding.distance());
}

}  // namespace likeness
