// The photos of a training, found again in their folder.
#ifndef LIKENESS_CLIENT_TRAINING_SENT_PHOTOS_H_
#define LIKENESS_CLIENT_TRAINING_SENT_PHOTOS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/photo_folder/photo_folder.h"
#include "client/training/report_page.h"
#include "likeness/v1/training_service.pb.h"

namespace likeness {

// What the caller of a training knows and the server does not keep.
struct SentPhotos {
  // Where `photos` lie.
  std::string folder = {};
  // As they were sent, so that the place of a photo is its number.
  std::vector<PhotoFile> photos = {};
  std::vector<RejectedFile> rejected = {};
};

// Below the folder; "photo 7" for a number that none has.
std::string NameOf(const SentPhotos& sent, int index);

// The photos of a training that `likeness train FOLDER` sent. Reads them all: FAILED_PRECONDITION, with what differs,
// where they are others by now, or were never those of this training; NOT_FOUND and INVALID_ARGUMENT as
// ListPhotoFolder().
absl::StatusOr<SentPhotos> FindSentPhotos(const v1::Training& training, const std::string& folder);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_TRAINING_SENT_PHOTOS_H_
