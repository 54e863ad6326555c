#include "client/training/sent_photos.h"

#include <cstddef>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "server/files/files.h"
#include "server/hashing/sha256.h"

namespace likeness {
namespace {

// TrainingData.photos_sha256 of these photos.
absl::StatusOr<std::string> DigestOf(const std::string& folder, const std::vector<PhotoFile>& photos) {
  FieldHasher hasher;
  for (const PhotoFile& photo : photos) {
    const absl::StatusOr<std::string> bytes = ReadWholeFile(absl::StrCat(folder, "/", photo.name));
    if (!bytes.ok()) return bytes.status();
    hasher.Add(photo.person);
    hasher.Add(*bytes);
  }
  const Sha256Digest digest = hasher.Finish();
  return absl::BytesToHexString({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

}  // namespace

std::string NameOf(const SentPhotos& sent, int index) {
  if (index < 0 || static_cast<size_t>(index) >= sent.photos.size()) return absl::StrCat("photo ", index);
  return sent.photos[static_cast<size_t>(index)].name;
}

absl::StatusOr<SentPhotos> FindSentPhotos(const v1::Training& training, const std::string& folder) {
  absl::StatusOr<PhotoFolder> listed = ListPhotoFolder(folder);
  if (!listed.ok()) return listed.status();
  const v1::TrainingData& data = training.data();
  const auto sent =
      static_cast<size_t>(int64_t{data.accepted_photos()} + data.rejected_photos() + data.left_out_photos());
  const auto other = [&](const std::string& what) {
    return absl::FailedPreconditionError(absl::StrCat(folder, " is not the folder of training ", training.training_id(),
                                                      ", or was changed since: ", what));
  };
  if (data.photos_sha256().empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("training ", training.training_id(),
                     " is of an older server, which kept nothing by which its photos could be told from others"));
  }
  if (listed->photos.size() != sent) {
    return other(absl::StrCat(sent, " photos were sent, and it has ", listed->photos.size()));
  }
  const absl::StatusOr<std::string> digest = DigestOf(folder, listed->photos);
  if (!digest.ok()) return digest.status();
  if (*digest != data.photos_sha256()) {
    return other("it has as many photos as were sent, but other ones or under other names");
  }
  SentPhotos found = {.folder = folder, .photos = std::move(listed->photos), .rejected = {}};
  for (const v1::RejectedPhoto& photo : data.rejections()) {
    found.rejected.push_back({NameOf(found, photo.photo_index()), photo.reason(), photo.message()});
  }
  return found;
}

}  // namespace likeness
