#include "server/trainings/bad_photos.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <utility>

#include "server/errors/errors.h"

namespace likeness {
namespace {

v1::PhotoFindingKind KindOf(PhotoFault fault) {
  switch (fault) {
    case PhotoFault::kDuplicate:
      return v1::PHOTO_FINDING_KIND_DUPLICATE;
    case PhotoFault::kDuplicateOfAnotherPerson:
      return v1::PHOTO_FINDING_KIND_DUPLICATE_OF_ANOTHER_PERSON;
    case PhotoFault::kTwoPeople:
      return v1::PHOTO_FINDING_KIND_TWO_PEOPLE;
    case PhotoFault::kSamePerson:
      return v1::PHOTO_FINDING_KIND_SAME_PERSON;
    case PhotoFault::kUnlikeTheOthers:
      return v1::PHOTO_FINDING_KIND_UNLIKE_THE_OTHERS;
  }
  return v1::PHOTO_FINDING_KIND_UNSPECIFIED;
}

v1::PhotoFinding ToProto(const PhotoFinding& finding, const std::vector<TrainingFace>& faces) {
  v1::PhotoFinding proto;
  proto.set_kind(KindOf(finding.fault));
  for (size_t photo : finding.photos) proto.add_photos(faces[photo].photo_index);
  for (size_t photo : finding.compared_with) proto.add_compared_with(faces[photo].photo_index);
  proto.set_distance(finding.distance);
  proto.set_left_out(finding.left_out);
  return proto;
}

struct People {
  int trained_on = 0;
  int strangers = 0;
  int with_one_photo = 0;
  int in_genuine_pairs = 0;  // trained on, with two photos or more
};

People CountPeople(const std::vector<TrainingFace>& faces) {
  struct Person {
    int photos = 0;
    bool stranger = false;
  };
  std::map<int, Person> persons;
  for (const TrainingFace& face : faces) {
    ++persons[face.person].photos;
    persons[face.person].stranger = face.stranger;
  }
  People people;
  for (const auto& [number, person] : persons) {
    ++(person.stranger ? people.strangers : people.trained_on);
    if (person.photos == 1) ++people.with_one_photo;
    if (person.photos > 1 && !person.stranger) ++people.in_genuine_pairs;
  }
  return people;
}

}  // namespace

absl::StatusOr<std::vector<TrainingFace>> LeaveOutBadPhotos(const std::vector<TrainingFace>& faces,
                                                            absl::Span<const PhotoFinding> findings,
                                                            v1::TrainingData& data) {
  std::vector<bool> left_out(faces.size());
  data.clear_findings();
  for (const PhotoFinding& finding : findings) {
    *data.add_findings() = ToProto(finding, faces);
    for (size_t photo : finding.photos) left_out[photo] = left_out[photo] || finding.left_out;
  }
  std::vector<TrainingFace> kept;
  for (size_t i = 0; i < faces.size(); ++i) {
    if (!left_out[i]) kept.push_back(faces[i]);
  }
  const People before = CountPeople(faces);
  const People after = CountPeople(kept);
  data.set_left_out_photos(static_cast<int>(faces.size() - kept.size()));
  data.set_accepted_photos(static_cast<int>(kept.size()));
  data.set_people(after.trained_on);
  data.set_strangers(after.strangers);
  data.set_people_with_one_photo(after.with_one_photo);
  if (after.trained_on < std::min(before.trained_on, 2) ||
      after.in_genuine_pairs < std::min(before.in_genuine_pairs, 1)) {
    return MakeError(Reason::TRAINING_DATA_TOO_SMALL,
                     "without the photos that had to be left out there are no two people to train on, one of them with "
                     "two photos");
  }
  return kept;
}

absl::StatusOr<std::vector<TrainingFace>> KeepGoodPhotos(const BundleManifest& base,
                                                         const std::vector<TrainingFace>& faces,
                                                         v1::TrainingData& data) {
  std::vector<std::vector<float>> embeddings;
  std::vector<int> people;
  for (const TrainingFace& face : faces) {
    embeddings.push_back(face.embedding);
    people.push_back(face.person);
  }
  return LeaveOutBadPhotos(faces, FindBadPhotos(embeddings, people, base), data);
}

}  // namespace likeness
