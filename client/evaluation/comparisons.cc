#include "client/evaluation/comparisons.h"

#include <map>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "server/hashing/sha256.h"

namespace likeness {
namespace {

// Numbers people and photos in the order in which they are met.
class Register {
 public:
  explicit Register(Comparisons& comparisons) : comparisons_(comparisons) {}

  // The photo's number. INVALID_ARGUMENT where it was said to show somebody else.
  absl::StatusOr<uint32_t> NumberOf(const std::string& path, const std::string& person) {
    const uint32_t who = people_.try_emplace(person, static_cast<uint32_t>(people_.size())).first->second;
    comparisons_.people = static_cast<uint32_t>(people_.size());
    const auto [found, is_new] = photos_.try_emplace(path, static_cast<uint32_t>(photos_.size()));
    if (is_new) comparisons_.photos.push_back({.path = path, .person = who});
    if (comparisons_.photos[found->second].person != who) {
      return absl::InvalidArgumentError(absl::StrCat("the photo ", path, " is said to show two people"));
    }
    return found->second;
  }

 private:
  Comparisons& comparisons_;
  std::map<std::string, uint32_t> people_;
  std::map<std::string, uint32_t> photos_;
};

std::string FolderOf(const std::string& path) { return path.substr(0, path.find('/')); }

absl::StatusOr<std::vector<uint32_t>> ReadList(std::istream& in, const char* kind, Register& known) {
  std::vector<uint32_t> photos;
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    const std::vector<std::string> fields = absl::StrSplit(line, absl::ByAnyChar(" \t\r"), absl::SkipEmpty());
    if (fields.empty()) continue;
    const absl::StatusOr<uint32_t> photo = fields.size() == 2
                                               ? known.NumberOf(fields[1], fields[0])
                                               : absl::InvalidArgumentError("is not a person's name and a path");
    if (!photo.ok()) {
      return absl::InvalidArgumentError(absl::StrCat(kind, ": line ", number, ": ", photo.status().message()));
    }
    photos.push_back(*photo);
  }
  if (photos.empty()) return absl::InvalidArgumentError(absl::StrCat(kind, ": the list is empty"));
  return photos;
}

}  // namespace

bool IsInPart(const std::string& person, const PeoplePart& part) {
  uint64_t remainder = 0;
  for (uint8_t byte : Sha256(person)) remainder = (remainder * 256 + byte) % part.parts;
  return remainder == part.part - 1;
}

std::vector<PhotoRange> ComparedRanges(const Comparisons& comparisons) {
  if (!comparisons.groups.empty()) return comparisons.groups;
  return {{"", 0, static_cast<uint32_t>(comparisons.photos.size())}};
}

absl::StatusOr<Comparisons> CompareListed(const PairFolds& folds, const PeoplePart& part) {
  Comparisons comparisons;
  Register known(comparisons);
  for (const std::vector<PhotoPair>& fold : folds) {
    const size_t before = comparisons.listed.size();
    for (const PhotoPair& pair : fold) {
      if (!IsInPart(FolderOf(pair.photo_a), part) || !IsInPart(FolderOf(pair.photo_b), part)) continue;
      const absl::StatusOr<uint32_t> a = known.NumberOf(pair.photo_a, FolderOf(pair.photo_a));
      const absl::StatusOr<uint32_t> b = known.NumberOf(pair.photo_b, FolderOf(pair.photo_b));
      if (!a.ok()) return a.status();
      if (!b.ok()) return b.status();
      const bool genuine = comparisons.photos[*a].person == comparisons.photos[*b].person;
      if (genuine != pair.genuine) {
        return absl::InvalidArgumentError(absl::StrCat("the pair of ", pair.photo_a, " and ", pair.photo_b,
                                                       " is not what the names of their folders say"));
      }
      comparisons.listed.push_back({*a, *b});
    }
    if (comparisons.listed.size() == before) return absl::InvalidArgumentError("no pair is of people in this part");
    if (folds.size() > 1) comparisons.folds.push_back(comparisons.listed.size() - before);
  }
  return comparisons;
}

absl::StatusOr<Comparisons> CompareAll(const PhotoFolder& folder, const PeoplePart& part) {
  Comparisons comparisons;
  comparisons.every_pair = true;
  Register known(comparisons);
  for (const PhotoFile& photo : folder.photos) {
    if (!IsInPart(photo.person, part)) continue;
    if (const auto number = known.NumberOf(photo.name, photo.person); !number.ok()) return number.status();
  }
  if (comparisons.photos.empty()) return absl::InvalidArgumentError("there is no photo of anybody in this part");
  return comparisons;
}

absl::StatusOr<Comparisons> CompareGroups(const std::vector<PhotoGroup>& groups, const PeoplePart& part) {
  Comparisons comparisons;
  comparisons.every_pair = true;
  Register known(comparisons);
  for (const PhotoGroup& group : groups) {
    const auto begin = static_cast<uint32_t>(comparisons.photos.size());
    for (const PhotoFile& photo : group.photos) {
      if (!IsInPart(photo.person, part)) continue;
      const absl::StatusOr<uint32_t> number =
          known.NumberOf(group.path_prefix + photo.name, absl::StrCat(group.people, "/", photo.person));
      if (!number.ok()) return number.status();
      // Names such as a=x and a/b=x/c would give one path two groups.
      if (*number + 1 != comparisons.photos.size()) {
        return absl::InvalidArgumentError(absl::StrCat("the photo ", group.path_prefix, photo.name, " is named twice"));
      }
      comparisons.photos.back().file = group.file_prefix + photo.name;
    }
    const auto end = static_cast<uint32_t>(comparisons.photos.size());
    if (begin < end) comparisons.groups.push_back({group.name, begin, end});
  }
  if (comparisons.photos.empty()) return absl::InvalidArgumentError("there is no photo of anybody in this part");
  return comparisons;
}

absl::StatusOr<Comparisons> CompareProbes(std::istream& probes, std::istream& references) {
  Comparisons comparisons;
  Register known(comparisons);
  const absl::StatusOr<std::vector<uint32_t>> from = ReadList(probes, "probes", known);
  if (!from.ok()) return from.status();
  const absl::StatusOr<std::vector<uint32_t>> to = ReadList(references, "references", known);
  if (!to.ok()) return to.status();
  comparisons.listed.reserve(from->size() * to->size());
  for (uint32_t probe : *from) {
    for (uint32_t reference : *to) {
      if (probe != reference) comparisons.listed.push_back({probe, reference});
    }
  }
  return comparisons;
}

}  // namespace likeness
