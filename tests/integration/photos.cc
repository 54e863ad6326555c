#include "tests/integration/photos.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <utility>

namespace likeness {

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    std::fprintf(stderr, "the test photo %s is missing; `make test` fetches it\n", path.c_str());
    std::exit(1);
  }
  std::ostringstream content;
  content << file.rdbuf();
  return std::move(content).str();
}

std::string Photo(const std::string& name) { return ReadFile(LIKENESS_PHOTOS_DIR "/" + name); }

const std::vector<std::string>& SingleFacePhotos() {
  static const auto& photos =
      *new std::vector<std::string>{"cage.jpg",         "bieber_small.jpg", "SeanConnery.jpg",     "audrey.jpg",
                                    "franck_01829.jpg", "obama4_crop.jpg",  "cage2_crop.jpg",      "kim1_crop.jpg",
                                    "queen20_crop.jpg", "walter2_crop.jpg", "sean_guru2_crop.jpg", "franck_04117.jpg",
                                    "chuck_crop.jpg",   "audrey_crop.jpg"};
  return photos;
}

}  // namespace likeness
