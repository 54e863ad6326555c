// Runs a fuzz target over a folder of inputs, each as it is and altered in many small ways, always the same ones: the
// short form of fuzzing, for every build.
//
//   photo_fuzz_replay tests/fuzz/corpus/photo 300
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "tests/fuzz/fuzz_target.h"

namespace {

void Run(const std::string& input) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()), input.size());
}

// Bytes changed, cut out, doubled or cut off.
std::string Altered(std::string input, std::mt19937& random) {
  const auto position = [&] { return static_cast<std::ptrdiff_t>(random() % (input.size() + 1)); };
  for (unsigned changes = 1 + random() % 4; changes > 0 && !input.empty(); --changes) {
    const auto [from, to] = std::minmax({position(), position()});
    switch (random() % 4) {
      case 0:
        input[static_cast<size_t>(from) % input.size()] = static_cast<char>(random());
        break;
      case 1:
        input.erase(input.begin() + from, input.begin() + std::min(to, from + 16));
        break;
      case 2:
        input.insert(static_cast<size_t>(from), input.substr(static_cast<size_t>(from), 16));
        break;
      default:
        input.resize(static_cast<size_t>(random() % 8 == 0 ? from : static_cast<std::ptrdiff_t>(input.size())));
    }
  }
  return input;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: " << argv[0] << " FOLDER ALTERATIONS\n";
    return 2;
  }
  std::vector<std::filesystem::path> files;
  for (const auto& file : std::filesystem::directory_iterator(argv[1])) files.push_back(file.path());
  std::sort(files.begin(), files.end());
  const int alterations = std::atoi(argv[2]);
  std::mt19937 random(1);
  for (const std::filesystem::path& file : files) {
    std::ifstream stream(file, std::ios::binary);
    const std::string input{std::istreambuf_iterator<char>(stream), {}};
    Run(input);
    for (int i = 0; i < alterations; ++i) Run(Altered(input, random));
  }
  std::cout << files.size() << " inputs, each altered " << alterations << " times\n";
  return files.empty() ? 1 : 0;
}
