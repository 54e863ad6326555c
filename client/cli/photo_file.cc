#include "client/cli/photo_file.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <map>

#include "absl/strings/str_cat.h"

namespace likeness {

namespace {

// Reads to the end. `name` is for the error.
absl::StatusOr<std::string> ReadAll(std::istream& in, const std::string& name) {
  std::string bytes;
  std::vector<char> buffer(1 << 16);
  while (in) {
    in.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    bytes.append(buffer.data(), static_cast<size_t>(in.gcount()));
  }
  if (in.eof()) return bytes;
  return absl::NotFoundError(absl::StrCat("cannot read ", name, ": ", std::strerror(errno)));
}

}  // namespace

absl::StatusOr<std::string> ReadPhotoFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return ReadAll(file, path);
}

absl::StatusOr<std::vector<std::string>> ReadPhotos(const std::vector<std::string>& paths, std::istream& in) {
  if (std::count(paths.begin(), paths.end(), "-") > 1) {
    return absl::InvalidArgumentError("only one photo can come from standard input");
  }
  std::vector<std::string> photos;
  for (const std::string& path : paths) {
    absl::StatusOr<std::string> photo = path == "-" ? ReadAll(in, "standard input") : ReadPhotoFile(path);
    if (!photo.ok()) return photo.status();
    photos.push_back(*std::move(photo));
  }
  return photos;
}

void AddFaceOption(CLI::App& command, v1::FacePolicy& policy) {
  static const std::map<std::string, v1::FacePolicy> kPolicies = {
      {"only", v1::FACE_POLICY_ONLY},
      {"largest", v1::FACE_POLICY_LARGEST},
      {"central", v1::FACE_POLICY_MOST_CENTRAL},
  };
  command
      .add_option_function<std::string>(
          "--face", [&policy](const std::string& name) { policy = kPolicies.at(name); },
          "Which face of a photo to take; only: several faces are an error")
      ->type_name("only|largest|central")
      ->default_str("only")
      ->check(CLI::IsMember(&kPolicies).description(""));
}

}  // namespace likeness
