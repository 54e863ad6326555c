// Finds what is wrong with photos of known people before a network is trained on them: photos that are there twice, two
// people under one name, one person under two.
//
//   for (const PhotoFinding& finding : FindBadPhotos(embeddings, people, base)) …
//
// Whether two photos show one person is the base model's own decision (server/verification/decision.h). What it cannot
// tell is not found: photos of people whom it hardly knows apart, and faces of one person that it takes for two
// people's, as those of a child and of the grown-up often are. So nothing is left out for being unlike the others
// alone.
#ifndef LIKENESS_SERVER_TRAINING_PHOTO_CHECK_H_
#define LIKENESS_SERVER_TRAINING_PHOTO_CHECK_H_

#include <cstddef>
#include <vector>

#include "absl/types/span.h"
#include "server/embedding/bundle.h"

namespace likeness {

enum class PhotoFault {
  kDuplicate,                 // nearly the same as a photo of the same person
  kDuplicateOfAnotherPerson,  // nearly the same as a photo of another person
  kTwoPeople,                 // another person than the other photos under the same name
  kSamePerson,                // the same person as photos under another name
  kUnlikeTheOthers,           // like none of the others under its name; perhaps genuine
};

// Photos are numbers into the embeddings.
struct PhotoFinding {
  PhotoFault fault = PhotoFault::kDuplicate;
  std::vector<size_t> photos;         // that are wrong
  std::vector<size_t> compared_with;  // that they were held against
  double distance = 0;                // of the two on average, normalized
  bool left_out = false;              // `photos` should not be trained on; otherwise a person should look at them
};

// `embeddings[i]`, by the model of `base`, is of a photo of `people[i]`, any number, equal for photos under one name;
// of one size. Nothing where the model supports no operating point: then nobody knows what its distances say.
//
// The rules, with t the model's threshold at a false match rate of 1e-3 (or the lowest that it supports):
// - Photos at most t / 5 apart are the same photo. The later one is left out; of two under different names the one that
//   does not match the others under its name while the other one does, or both.
// - A name's photos are divided in two by average linkage. The smaller part is another person where it is two photos or
//   more, no pair across matches, and the parts are about as far apart as each is from other people (not nearer by 1.75
//   standard deviations, averaged over both). Then it is left out, unless there are fewer than three other people to
//   compare with, or this would befall more than a tenth of the people with four photos or more while of the pairs
//   of other people's photos fewer than 80 % match: the model does not know such faces then. A single photo that lies
//   so is a warning; it is left out where it matches another person.
// - The photos under two names show one person where they match on average, at the operating point at which the model
//   expects less than half a pair of people to match by chance. The fewer of them are left out.
// Of more than 500 photos under one name the first 500 are divided. Pure, thread-safe; time goes by the square of the
// photos, about 10 seconds for 10,000 of them.
std::vector<PhotoFinding> FindBadPhotos(absl::Span<const std::vector<float>> embeddings, absl::Span<const int> people,
                                        const BundleManifest& base);

}  // namespace likeness

#endif  // LIKENESS_SERVER_TRAINING_PHOTO_CHECK_H_
