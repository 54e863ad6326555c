#include "tests/integration/walk/material.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/seal/seal.h"
#include "tests/integration/photos.h"
#include "tests/support/headed_bundle.h"

namespace likeness {
namespace {

constexpr char kBase[] = LIKENESS_MODELS_DIR "/mobilefacenet-192.pt";
constexpr size_t kEmbeddingSize = 192;

WalkModel ModelOf(std::string bundle) {
  const auto digest = VerifySeal(bundle);
  if (!digest.ok()) {
    std::cerr << digest.status() << '\n';
    std::exit(1);
  }
  return {digest->Hex(), std::move(bundle)};
}

WalkModel ModelWithLayer(unsigned seed) {
  auto headed = PutHeadBehind(kBase, AnyHead(kEmbeddingSize, seed));
  if (!headed.ok()) {
    std::cerr << headed.status() << '\n';
    std::exit(1);
  }
  return ModelOf(std::move(headed->bytes));
}

}  // namespace

const std::vector<std::string>& WalkPhotos() {
  static const auto& photos = *new std::vector<std::string>([] {
    std::vector<std::string> bytes;
    for (const char* name :
         {"cage2_crop.jpg", "bieber_small.jpg", "SeanConnery.jpg", "audrey_crop.jpg", "franck_04117.jpg",
          "obama4_crop.jpg", "kim1_crop.jpg", "queen20_crop.jpg", "walter2_crop.jpg", "chuck_crop.jpg"}) {
      bytes.push_back(Photo(name));
    }
    return bytes;
  }());
  return photos;
}

const std::vector<WalkModel>& WalkModels() {
  static const auto& models =
      *new std::vector<WalkModel>{ModelOf(ReadFile(kBase)), ModelWithLayer(5), ModelWithLayer(6)};
  return models;
}

void PutWalkModels(const std::string& models_folder) {
  std::filesystem::create_directories(models_folder);
  for (size_t i = 1; i < WalkModels().size(); ++i) {
    const WalkModel& model = WalkModels()[i];
    const std::string path = absl::StrCat(models_folder, "/", model.digest, ".pt");
    if (std::filesystem::exists(path)) continue;
    // In one step, as an operator's copy should be.
    std::ofstream(path + ".part", std::ios::binary) << model.bundle;
    std::filesystem::rename(path + ".part", path);
  }
}

}  // namespace likeness
