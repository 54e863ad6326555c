// What random walks walk with: ten faces, and three models that follow from each other by a linear layer.
#ifndef LIKENESS_TESTS_INTEGRATION_WALK_MATERIAL_H_
#define LIKENESS_TESTS_INTEGRATION_WALK_MATERIAL_H_

#include <string>
#include <vector>

namespace likeness {

// A photo of each of ten people, as the bytes of its file.
const std::vector<std::string>& WalkPhotos();

struct WalkModel {
  std::string digest;  // hex
  std::string bundle;  // the bytes of its file
};

// The model that ServerProcess starts servers with, then two with a layer behind its network.
const std::vector<WalkModel>& WalkModels();

// Puts the models with a layer into a server's models folder, where they are not there.
void PutWalkModels(const std::string& models_folder);

}  // namespace likeness

#endif  // LIKENESS_TESTS_INTEGRATION_WALK_MATERIAL_H_
