#include "client/photo_folder/photo_folder.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"

namespace likeness {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxPersonBytes = 128;

bool IsHidden(const fs::path& path) { return path.filename().native().starts_with('.'); }

bool IsPhoto(const fs::path& path) {
  static const std::set<std::string> kExtensions = {".jpg", ".jpeg", ".png", ".webp", ".ppm", ".pgm"};
  return kExtensions.contains(absl::AsciiStrToLower(path.extension().native()));
}

// The JSON library replaces or leaves out what is not UTF-8; all else it writes alike.
bool IsUtf8(const std::string& text) {
  using Json = nlohmann::json;
  const Json json = text;
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) ==
         json.dump(-1, ' ', false, Json::error_handler_t::ignore);
}

absl::Status CannotRead(const fs::path& path, const std::error_code& error) {
  return absl::NotFoundError(absl::StrCat("cannot read ", path.native(), ": ", error.message()));
}

// What lies in a folder, in the order of the names' bytes; without what is hidden.
absl::StatusOr<std::vector<fs::directory_entry>> Entries(const fs::path& folder) {
  std::vector<fs::directory_entry> entries;
  std::error_code error;
  for (fs::directory_iterator i(folder, error), end; !error && i != end; i.increment(error)) {
    if (!IsHidden(i->path())) entries.push_back(*i);
  }
  if (error) return CannotRead(folder, error);
  std::sort(entries.begin(), entries.end(), [](const fs::directory_entry& a, const fs::directory_entry& b) {
    return a.path().filename().native() < b.path().filename().native();
  });
  return entries;
}

// Adds the photos in `folder`, which is `name` below the folder that is listed: its own first, then those deeper down.
// A folder that contains itself by a link is an error, at the system's limit of links to follow.
absl::Status AddPhotos(const std::string& person, const fs::path& folder, const std::string& name,
                       PhotoFolder& result) {
  const absl::StatusOr<std::vector<fs::directory_entry>> entries = Entries(folder);
  if (!entries.ok()) return entries.status();
  std::vector<std::string> deeper;
  for (const fs::directory_entry& entry : *entries) {
    std::error_code error;
    const std::string file = entry.path().filename().native();
    if (entry.is_directory(error)) {
      deeper.push_back(file);
    } else if (error == std::errc::too_many_symbolic_link_levels) {
      return CannotRead(entry.path(), error);
    } else if (IsPhoto(entry.path())) {
      result.photos.push_back({person, absl::StrCat(name, "/", file)});
    } else {
      ++result.ignored_files;
    }
  }
  for (const std::string& child : deeper) {
    const absl::Status added = AddPhotos(person, folder / child, absl::StrCat(name, "/", child), result);
    if (!added.ok()) return added;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<PhotoFolder> ListPhotoFolder(const std::string& path) {
  const absl::StatusOr<std::vector<fs::directory_entry>> entries = Entries(path);
  if (!entries.ok()) return entries.status();
  PhotoFolder result;
  for (const fs::directory_entry& entry : *entries) {
    std::error_code error;
    if (!entry.is_directory(error)) {
      ++result.ignored_files;
      continue;
    }
    const std::string person = entry.path().filename().native();
    if (person.size() > kMaxPersonBytes || !IsUtf8(person)) {
      return absl::InvalidArgumentError(absl::StrCat("the folder's name cannot be a person's, which has up to ",
                                                     kMaxPersonBytes, " bytes of UTF-8: ", absl::CHexEscape(person)));
    }
    const size_t photos_before = result.photos.size();
    const absl::Status added = AddPhotos(person, entry.path(), person, result);
    if (!added.ok()) return added;
    if (result.photos.size() == photos_before) {
      return absl::InvalidArgumentError(absl::StrCat(
          "the folder of ", person, " has no photo (jpg, jpeg, png, webp, ppm or pgm): ", entry.path().native()));
    }
    ++result.people;
  }
  if (result.people == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " has no folder of a person; expected ", path, "/NAME/PHOTO.jpg"));
  }
  return result;
}

}  // namespace likeness
