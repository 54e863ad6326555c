// Groups of people whose errors are told apart: a folder of photos for each group, or a list of who is of which.
#ifndef LIKENESS_CLIENT_EVALUATION_PHOTO_GROUPS_H_
#define LIKENESS_CLIENT_EVALUATION_PHOTO_GROUPS_H_

#include <istream>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/photo_folder/photo_folder.h"

namespace likeness {

// What `--images NAME=DIR` says.
struct NamedFolder {
  std::string name;  // of the group, for example "ages/young"; empty for a plain DIR
  std::string path;
};

// Each argument is NAME=DIR, or DIR where there is only one; an argument that is a folder as it stands is a plain DIR.
// INVALID_ARGUMENT where one is not, where several are not all named, or where a name is given twice.
absl::StatusOr<std::vector<NamedFolder>> ReadNamedFolders(const std::vector<std::string>& arguments);

// Groups by the names of people.
using GroupsOfPeople = std::map<std::string, std::string>;

// Lines of PERSON GROUP, divided by white space; blank lines are ignored. INVALID_ARGUMENT, with the number of the
// line, where one is something else or says of somebody another group than before, or where the list is empty.
absl::StatusOr<GroupsOfPeople> ReadGroupsOfPeople(std::istream& in);

// The photos of one group.
struct PhotoGroup {
  std::string name;
  // Folders of the same name show the same person in groups that agree in this.
  std::string people;
  // Before a photo's name it gives the path that reports know it by, ...
  std::string path_prefix;
  // ... and this the file.
  std::string file_prefix;
  std::vector<PhotoFile> photos;
};

// A group for each folder, in their order. Names that agree up to the first slash share their people: ages/adult and
// ages/young both hold photos of ages/004. Errors of ListPhotoFolder().
absl::StatusOr<std::vector<PhotoGroup>> ListNamedFolders(const std::vector<NamedFolder>& folders);

// Who is not in the list is of this group.
inline constexpr char kUnlabeledPeople[] = "unlabeled";

// A group for each name of one, in their order, of the photos of the folder at `path`. INVALID_ARGUMENT where nobody in
// it is in the list: the list is then not about these people.
absl::StatusOr<std::vector<PhotoGroup>> DividePhotos(const std::string& path, const PhotoFolder& folder,
                                                     const GroupsOfPeople& groups);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_EVALUATION_PHOTO_GROUPS_H_
