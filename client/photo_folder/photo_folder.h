// Photos of known people in folders, one folder for each person: the layout of torchvision's ImageFolder.
//
//   faces/alice/2019.jpg
//   faces/alice/holiday/beach.PNG
//   faces/bob/door.webp
#ifndef LIKENESS_CLIENT_PHOTO_FOLDER_PHOTO_FOLDER_H_
#define LIKENESS_CLIENT_PHOTO_FOLDER_PHOTO_FOLDER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace likeness {

// A photo, not read yet.
struct PhotoFile {
  // Name of the folder: who it shows.
  std::string person;
  // Path below the folder that was listed, for example "alice/holiday/beach.PNG".
  std::string name;
};

struct PhotoFolder {
  // People in the order of their names, and a person's photos in the order of theirs (of bytes, whatever the locale),
  // so that the same folder is always the same list.
  std::vector<PhotoFile> photos;
  // People, each with at least one photo.
  int64_t people = 0;
  // Files that were left out: of another kind, or beside the people's folders.
  int64_t ignored_files = 0;
};

// Lists the photos in the folders of `path`, however deep, and follows links, as ImageFolder does. Photos are files
// with the extensions jpg, jpeg, png, webp, ppm, pgm, in either case: what both torchvision and the server know. Files
// and folders whose names begin with a dot are passed over.
//
// NOT_FOUND where a folder cannot be read; INVALID_ARGUMENT where there is no person's folder, where a person has no
// photo, or where a name is not what the server takes for a person: 1 to 128 bytes of UTF-8.
absl::StatusOr<PhotoFolder> ListPhotoFolder(const std::string& path);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_PHOTO_FOLDER_PHOTO_FOLDER_H_
