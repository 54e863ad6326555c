// One contrastive step of the trainer: how long it takes and how much memory, on one thread. training_step.py runs it.
//
//   build/release/bin/training_step_benchmark --model build/models/mobilefacenet-192.pt --pairs 64 --steps 2
//
// Prints JSON: processor seconds a step (user and system) and seconds a step, the largest part of the memory that the
// process had beside what it had before, and what MeasureMemory() says beforehand. --faces-at-once takes a step in
// other parts than the trainer would: twice --pairs takes it as one batch.
#include <malloc.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "server/inference/archive.h"
#include "server/training/trainer.h"

namespace likeness {
namespace {

constexpr int kPeople = 20;
constexpr int kPhotosOfAPerson = 5;

[[noreturn]] void Fail(const absl::Status& status) {
  std::cerr << "training_step_benchmark: " << status.message() << '\n';
  std::exit(1);
}

template <typename Value>
Value OrFail(absl::StatusOr<Value> result) {
  if (!result.ok()) Fail(result.status());
  return *std::move(result);
}

// Noise: how long a step takes does not depend on what it sees.
std::vector<FaceExample> NoiseExamples(const BundleManifest& manifest) {
  std::mt19937 random(1);
  std::vector<FaceExample> examples;
  for (int i = 0; i < kPeople * kPhotosOfAPerson; ++i) {
    Picture crop{manifest.input_width, manifest.input_height, {}};
    crop.rgb.resize(static_cast<size_t>(crop.width) * static_cast<size_t>(crop.height) * 3);
    for (uint8_t& value : crop.rgb) value = static_cast<uint8_t>(random());
    examples.push_back({std::move(crop), i / kPhotosOfAPerson});
  }
  return examples;
}

// A line of /proc/self/status that is in kB.
int64_t StatusBytes(const std::string& name) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(name + ":")) return 1024 * std::stoll(line.substr(name.size() + 1));
  }
  return 0;
}

double ProcessorSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double WallSeconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

nlohmann::json Measure(const std::string& model, const TrainerOptions& options) {
  // What a server does first; it also switches OpenBLAS's own threads off.
  const VerifiedBundle bundle = OrFail(VerifiedBundle::Read(model));
  OrFail(Archive::Open(bundle, Device{}));
  // And everything that a process has once a network has run in it: LibTorch's own tables and pages of its code.
  const int64_t expected = OrFail(Trainer::MeasureMemory(bundle, Device{}, options));
  std::vector<FaceExample> examples;
  {
    TrainerOptions small = options;
    small.pairs_per_epoch = 1;
    const auto network = OrFail(TrainableNetwork::Load(bundle, Device{}, {}));
    examples = NoiseExamples(network->manifest());
    OrFail(OrFail(Trainer::Create(bundle, Device{}, small, examples))->RunEpoch([](const TrainingStep&) {
      return absl::OkStatus();
    }));
  }
  malloc_trim(0);
  const int64_t before = StatusBytes("VmRSS");
  std::ofstream("/proc/self/clear_refs") << 5;  // VmHWM begins anew (proc(5))

  const auto trainer = OrFail(Trainer::Create(bundle, Device{}, options, std::move(examples)));
  const double processor_start = ProcessorSeconds();
  const double start = WallSeconds();
  const TrainingStep last = OrFail(trainer->RunEpoch([](const TrainingStep&) { return absl::OkStatus(); }));
  return {{"processor_seconds_per_step", (ProcessorSeconds() - processor_start) / last.steps},
          {"seconds_per_step", (WallSeconds() - start) / last.steps},
          {"peak_bytes", StatusBytes("VmHWM") - before},
          {"expected_bytes", expected}};
}

}  // namespace
}  // namespace likeness

int main(int argc, char** argv) {
  CLI::App app("Measures contrastive steps.");
  std::string model;
  int steps = 1;
  size_t faces_at_once = 0;
  likeness::TrainerOptions options{.margin = 1.4, .batch_pairs = 64, .learning_rate = 1e-5};
  app.add_option("--model", model, "bundle to begin with")->required();
  app.add_option("--pairs", options.batch_pairs, "pairs in a step");
  app.add_option("--steps", steps, "steps to measure");
  app.add_option("--faces-at-once", faces_at_once, "faces that go through the network at once");
  app.add_option("--distillation", options.distillation, "its weight");
  CLI11_PARSE(app, argc, argv);
  options.pairs_per_epoch = options.batch_pairs * steps;
  if (faces_at_once > 0) options.faces_at_once = faces_at_once;
  // As in a server, on a thread of its own: such threads have another heap than the first one (glibc's arenas).
  std::thread([&] { std::puts(likeness::Measure(model, options).dump().c_str()); }).join();
  return 0;
}
