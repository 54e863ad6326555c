#include "client/evaluation/photo_groups.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace likeness {
namespace {

bool IsFolder(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_directory(path, error);
}

absl::StatusOr<NamedFolder> ReadNamedFolder(const std::string& argument) {
  if (IsFolder(argument)) return NamedFolder{"", argument};
  const size_t divider = argument.find('=');
  if (divider == std::string::npos) return absl::InvalidArgumentError(absl::StrCat(argument, " is not a folder"));
  NamedFolder folder{argument.substr(0, divider), argument.substr(divider + 1)};
  if (folder.name.empty() || folder.name.front() == '/' || folder.name.back() == '/') {
    return absl::InvalidArgumentError(
        absl::StrCat(argument, " has no name of a group; expected NAME=DIR, for example ages/young=photos/young"));
  }
  if (!IsFolder(folder.path)) return absl::InvalidArgumentError(absl::StrCat(folder.path, " is not a folder"));
  return folder;
}

}  // namespace

absl::StatusOr<std::vector<NamedFolder>> ReadNamedFolders(const std::vector<std::string>& arguments) {
  std::vector<NamedFolder> folders;
  std::set<std::string> names;
  for (const std::string& argument : arguments) {
    absl::StatusOr<NamedFolder> folder = ReadNamedFolder(argument);
    if (!folder.ok()) return folder.status();
    if (folder->name.empty() && arguments.size() > 1) {
      return absl::InvalidArgumentError(
          absl::StrCat("several folders are told apart by name; expected NAME=", argument));
    }
    if (!names.insert(folder->name).second) {
      return absl::InvalidArgumentError(absl::StrCat("two folders are named ", folder->name));
    }
    folders.push_back(*std::move(folder));
  }
  return folders;
}

absl::StatusOr<GroupsOfPeople> ReadGroupsOfPeople(std::istream& in) {
  GroupsOfPeople groups;
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    const std::vector<std::string> fields = absl::StrSplit(line, absl::ByAnyChar(" \t\r"), absl::SkipEmpty());
    if (fields.empty()) continue;
    if (fields.size() != 2) {
      return absl::InvalidArgumentError(absl::StrCat("line ", number, ": is not a person's name and a group's"));
    }
    const auto [found, is_new] = groups.try_emplace(fields[0], fields[1]);
    if (!is_new && found->second != fields[1]) {
      return absl::InvalidArgumentError(
          absl::StrCat("line ", number, ": ", fields[0], " was said to be of ", found->second));
    }
  }
  if (groups.empty()) return absl::InvalidArgumentError("the list is empty");
  return groups;
}

absl::StatusOr<std::vector<PhotoGroup>> ListNamedFolders(const std::vector<NamedFolder>& folders) {
  std::vector<PhotoGroup> groups;
  for (const NamedFolder& folder : folders) {
    absl::StatusOr<PhotoFolder> listed = ListPhotoFolder(folder.path);
    if (!listed.ok()) return listed.status();
    groups.push_back({.name = folder.name,
                      .people = folder.name.substr(0, folder.name.find('/')),
                      .path_prefix = folder.name.empty() ? "" : absl::StrCat(folder.name, "/"),
                      .file_prefix = absl::StrCat(folder.path, "/"),
                      .photos = std::move(listed->photos)});
  }
  return groups;
}

absl::StatusOr<std::vector<PhotoGroup>> DividePhotos(const std::string& path, const PhotoFolder& folder,
                                                     const GroupsOfPeople& groups) {
  if (std::none_of(folder.photos.begin(), folder.photos.end(),
                   [&](const PhotoFile& photo) { return groups.contains(photo.person); })) {
    return absl::InvalidArgumentError(absl::StrCat("the list names nobody whose photos are in ", path));
  }
  std::map<std::string, PhotoGroup> by_name;
  for (const PhotoFile& photo : folder.photos) {
    const auto found = groups.find(photo.person);
    PhotoGroup& group = by_name[found == groups.end() ? kUnlabeledPeople : found->second];
    group.photos.push_back(photo);
  }
  std::vector<PhotoGroup> divided;
  for (auto& [name, group] : by_name) {
    group.name = name;
    group.file_prefix = absl::StrCat(path, "/");
    divided.push_back(std::move(group));
  }
  return divided;
}

}  // namespace likeness
