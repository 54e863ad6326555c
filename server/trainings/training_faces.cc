#include "server/trainings/training_faces.h"

#include <cstring>

#include "server/hashing/sha256.h"

namespace likeness {
namespace {

// Little-endian 32-bit numbers: width, height, faces; then for each face its three numbers and its pixels.
void Append(std::string& file, int number) {
  const auto bits = static_cast<uint32_t>(number);
  for (int shift = 0; shift < 32; shift += 8) file.push_back(static_cast<char>(bits >> shift));
}

int Take(absl::string_view& file) {
  uint32_t bits = 0;
  for (size_t i = 0; i < 4; ++i) bits |= static_cast<uint32_t>(static_cast<unsigned char>(file[i])) << (8 * i);
  file.remove_prefix(4);
  return static_cast<int>(bits);
}

}  // namespace

std::string EncodeFaces(const std::vector<TrainingFace>& faces) {
  std::string file;
  Append(file, faces.empty() ? 0 : faces.front().crop.width);
  Append(file, faces.empty() ? 0 : faces.front().crop.height);
  Append(file, static_cast<int>(faces.size()));
  for (const TrainingFace& face : faces) {
    Append(file, face.photo_index);
    Append(file, face.person);
    Append(file, face.stranger ? 1 : 0);
    file.append(reinterpret_cast<const char*>(face.crop.rgb.data()), face.crop.rgb.size());
  }
  const Sha256Digest digest = Sha256(file);
  file.append(digest.begin(), digest.end());
  return file;
}

absl::StatusOr<std::vector<TrainingFace>> DecodeFaces(absl::string_view file) {
  const absl::Status damaged = absl::DataLossError("the faces of the training are damaged");
  Sha256Digest digest{};
  if (file.size() < digest.size() + 12) return damaged;
  std::memcpy(digest.data(), file.data() + file.size() - digest.size(), digest.size());
  file.remove_suffix(digest.size());
  if (Sha256(file) != digest) return damaged;
  const int width = Take(file);
  const int height = Take(file);
  std::vector<TrainingFace> faces(static_cast<size_t>(Take(file)));
  const size_t pixels = static_cast<size_t>(width) * static_cast<size_t>(height) * 3;
  for (TrainingFace& face : faces) {
    face.photo_index = Take(file);
    face.person = Take(file);
    face.stranger = Take(file) != 0;
    face.crop = {width, height, {file.begin(), file.begin() + pixels}};
    file.remove_prefix(pixels);
  }
  return faces;
}

}  // namespace likeness
