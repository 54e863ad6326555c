// Measures the server's embedder. Needs LibTorch and the rooms below it, neither gRPC nor OpenCV, so that it runs on
// any machine with a GPU too (docs/performance.md says how to build it alone).
//
//   embedder_benchmark --model=build/models/mobilefacenet-192.pt                  processor time per face
//   embedder_benchmark --model=build/models/mobilefacenet-192.pt --device=cuda --precision=fp16
//                                                                                 faces a second, copies included
//   embedder_benchmark --model=build/models/mobilefacenet-192.pt --on_request     see rounds.h
//
// Prints one JSON object.
#include <algorithm>
#include <exception>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "server/embedding/torch_embedder.h"
#include "server/inference/device.h"
#include "tests/benchmark/rounds.h"

ABSL_FLAG(std::string, model, "", "The embedding bundle");
ABSL_FLAG(std::string, device, "cpu", "cpu, cuda or cuda:N");
ABSL_FLAG(std::string, precision, "fp32", "fp32, or fp16 on a GPU");
ABSL_FLAG(int, callers, 0, "Threads that embed at once; by default 1 on the CPU, and 2 on a GPU as in the server");
ABSL_FLAG(std::vector<std::string>, batches, {}, "Batch sizes; by default 1,8 on the CPU and 1,2,4…256 on a GPU");
ABSL_FLAG(int, rounds, 15, "Rounds of each batch size");
ABSL_FLAG(int, round_faces, 0, "Faces in a round, at least; by default 60 on the CPU and 4096 on a GPU");
ABSL_FLAG(std::string, faces, "", "File of aligned faces, 8-bit RGB without a header; by default noise");
ABSL_FLAG(bool, on_request, false, "Answer requests on the standard input instead");

namespace likeness {
namespace {

class EmbedderEngine : public Engine {
 public:
  EmbedderEngine(std::unique_ptr<Embedder> embedder, std::vector<FacePixels> faces)
      : embedder_(std::move(embedder)), faces_(std::move(faces)) {}

  void Prepare(int batch) override {
    const BundleManifest& manifest = embedder_->manifest();
    crops_.clear();
    for (size_t i = 0; i < static_cast<size_t>(batch); ++i) {
      crops_.push_back(Picture{manifest.input_width, manifest.input_height, faces_[i % faces_.size()]});
    }
  }

  std::vector<std::vector<float>> Run() override {
    absl::StatusOr<std::vector<Embedding>> embeddings = embedder_->Embed(crops_);
    if (!embeddings.ok()) throw std::runtime_error(embeddings.status().ToString());
    std::vector<std::vector<float>> points;
    for (Embedding& embedding : *embeddings) points.push_back(std::move(embedding.values));
    return points;
  }

 private:
  std::unique_ptr<Embedder> embedder_;
  std::vector<FacePixels> faces_;
  std::vector<Picture> crops_;
};

nlohmann::json Summary(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return {{"min", values.front()}, {"median", values[values.size() / 2]}, {"max", values.back()}};
}

std::vector<int> Batches(bool gpu) {
  std::vector<int> batches;
  for (const std::string& text : absl::GetFlag(FLAGS_batches)) {
    int batch = 0;
    if (!absl::SimpleAtoi(text, &batch) || batch < 1) throw std::runtime_error(absl::StrCat(text, " is no batch size"));
    batches.push_back(batch);
  }
  if (!batches.empty()) return batches;
  if (!gpu) return {1, 8};
  for (int batch = 1; batch <= 256; batch *= 2) batches.push_back(batch);
  return batches;
}

// On the CPU processor time, which other programs disturb least; on a GPU the time that passes.
nlohmann::json MeasureBatch(Engine& engine, int batch, bool gpu, int callers) {
  int faces = absl::GetFlag(FLAGS_round_faces);
  if (faces < 1) faces = gpu ? 4096 : 60;
  std::vector<double> processor_ms_per_face;
  std::vector<double> faces_per_second;
  for (int i = 0; i < std::max(1, absl::GetFlag(FLAGS_rounds)); ++i) {
    const Round round = MeasureRound(engine, batch, faces, callers);
    processor_ms_per_face.push_back(round.processor_ms_per_face);
    faces_per_second.push_back(1e3 / round.wall_ms_per_face);
  }
  return {{"batch", batch},
          {"processor_ms_per_face", Summary(processor_ms_per_face)},
          {"faces_per_second", Summary(faces_per_second)}};
}

void Benchmark() {
  const absl::StatusOr<Device> device = ParseDevice(absl::GetFlag(FLAGS_device));
  if (!device.ok()) throw std::runtime_error(device.status().ToString());
  const std::string precision = absl::GetFlag(FLAGS_precision);
  if (precision != "fp32" && precision != "fp16") throw std::runtime_error("--precision is fp32 or fp16");
  absl::StatusOr<std::unique_ptr<TorchEmbedder>> embedder = TorchEmbedder::Load(
      absl::GetFlag(FLAGS_model), *device, precision == "fp16" ? Precision::kFp16 : Precision::kFp32);
  if (!embedder.ok()) throw std::runtime_error(embedder.status().ToString());
  const int side = (*embedder)->manifest().input_width;
  const bool gpu = device->kind == Device::Kind::kCuda;
  int callers = absl::GetFlag(FLAGS_callers);
  if (callers < 1) callers = gpu ? 2 : 1;
  const std::string name = (*embedder)->manifest().name;
  const std::string file = absl::GetFlag(FLAGS_faces);
  EmbedderEngine engine(*std::move(embedder), file.empty() ? NoiseFaces(16, side) : ReadFaces(file, side));
  if (absl::GetFlag(FLAGS_on_request)) return AnswerRequests(engine, std::cin, std::cout, callers);

  nlohmann::json results = nlohmann::json::array();
  for (int batch : Batches(gpu)) results.push_back(MeasureBatch(engine, batch, gpu, callers));
  std::cout << nlohmann::json{{"model", name},
                              {"device", device->Name()},
                              {"precision", precision},
                              {"callers", callers},
                              {"results", std::move(results)}}
                   .dump(2)
            << std::endl;
}

}  // namespace
}  // namespace likeness

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("Measures the server's embedder.");
  absl::ParseCommandLine(argc, argv);
  try {
    likeness::Benchmark();
  } catch (const std::exception& error) {
    std::cerr << "embedder_benchmark: " << error.what() << std::endl;
    return 1;
  }
  return 0;
}
