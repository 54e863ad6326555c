#include "tests/benchmark/rounds.h"

#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <fstream>
#include <future>
#include <istream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <ostream>
#include <random>
#include <sstream>
#include <stdexcept>

#include "absl/strings/str_cat.h"

namespace likeness {
namespace {

double ProcessorMilliseconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto milliseconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) / 1e3;
  };
  return milliseconds(usage.ru_utime) + milliseconds(usage.ru_stime);
}

size_t BytesOfFace(int side) { return static_cast<size_t>(side) * static_cast<size_t>(side) * 3; }

}  // namespace

Round MeasureRound(Engine& engine, int batch, int faces, int callers) {
  engine.Prepare(batch);
  const int runs = (faces + batch - 1) / batch;
  std::atomic<int> begun = -2 * callers;  // the unmeasured ones first, so that every thread is warm
  const auto run_until = [&](int end) {
    while (begun++ < end) engine.Run();
  };
  const auto run_together = [&](int end) {
    std::vector<std::future<void>> others;
    for (int i = 1; i < callers; ++i) others.push_back(std::async(std::launch::async, run_until, end));
    run_until(end);
    for (std::future<void>& other : others) other.get();  // throws what the engine threw
  };
  run_together(0);
  begun = 0;
  Round round{batch, runs * batch, 0, 0};
  const double processor_start = ProcessorMilliseconds();
  const auto start = std::chrono::steady_clock::now();
  run_together(runs);
  const std::chrono::duration<double, std::milli> wall = std::chrono::steady_clock::now() - start;
  round.processor_ms_per_face = (ProcessorMilliseconds() - processor_start) / round.faces;
  round.wall_ms_per_face = wall.count() / round.faces;
  return round;
}

void AnswerRequests(Engine& engine, std::istream& in, std::ostream& out, int callers) {
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string request;
    int batch = 0;
    int faces = 0;
    words >> request >> batch;
    if (request == "embed" && words && batch > 0) {
      engine.Prepare(batch);
      out << nlohmann::json{{"embeddings", engine.Run()}} << std::endl;
    } else if (request == "measure" && words >> faces && batch > 0 && faces > 0) {
      const Round round = MeasureRound(engine, batch, faces, callers);
      out << nlohmann::json{{"batch", round.batch},
                            {"faces", round.faces},
                            {"processor_ms_per_face", round.processor_ms_per_face},
                            {"wall_ms_per_face", round.wall_ms_per_face}}
          << std::endl;
    } else {
      throw std::runtime_error(absl::StrCat("no request: ", line));
    }
  }
}

std::vector<FacePixels> ReadFaces(const std::string& path, int side) {
  std::ifstream file(path, std::ios::binary);
  const std::vector<uint8_t> bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  const size_t size = BytesOfFace(side);
  if (bytes.empty() || bytes.size() % size != 0) {
    throw std::runtime_error(absl::StrCat(path, " does not hold faces of ", size, " bytes"));
  }
  std::vector<FacePixels> faces;
  for (auto face = bytes.begin(); face != bytes.end(); face += static_cast<std::ptrdiff_t>(size)) {
    faces.emplace_back(face, face + static_cast<std::ptrdiff_t>(size));
  }
  return faces;
}

std::vector<FacePixels> NoiseFaces(int count, int side) {
  std::mt19937 generator(1);
  std::vector<FacePixels> faces(static_cast<size_t>(count), FacePixels(BytesOfFace(side)));
  for (FacePixels& face : faces) {
    std::generate(face.begin(), face.end(), [&generator] { return static_cast<uint8_t>(generator()); });
  }
  return faces;
}

}  // namespace likeness
