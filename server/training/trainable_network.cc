#include "server/training/trainable_network.h"

#include <ATen/Parallel.h>
#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>
#include <dlfcn.h>
#include <torch/optim/adam.h>
#include <torch/optim/sgd.h>
#include <torch/script.h>
#include <torch/serialize/archive.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <exception>
#include <sstream>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "server/errors/errors.h"
#include "server/inference/memory_reader.h"

namespace likeness {
namespace {

constexpr char kManifestName[] = "likeness.json";
constexpr double kSmallestWeight = 1e-30;
constexpr char kTrainingFailed[] = "the training of the network failed";
constexpr double kMomentum = 0.9;
// Made-up pictures that show whether a network's rows depend on each other, and how far a row may be from itself: sums
// are taken in another order for another size of batch.
constexpr size_t kProbes = 3;
constexpr double kRounding = 1e-3;
// What an archive has beside the numbers: at most so much for each tensor, and for its code.
constexpr size_t kArchiveOverheadOfTensor = 2048;
constexpr size_t kArchiveOverhead = 1 << 20;
// What the process has beside the tensors that are in use: holes between them and LibTorch's own room. Up to three
// fifths as much was measured, and a little for small networks (docs/training.md).
constexpr double kMemoryOfTensors = 1.6;
constexpr int64_t kMemoryBesideTensors = int64_t{64} << 20;
// How many weights an optimiser is given in one piece. It goes over them and over intermediate results of their size a
// dozen times: on a processor a slice stays in a core's cache meanwhile, where a layer of millions of weights would go
// through the memory each time; a GPU would rather be called seldom.
constexpr int64_t kCpuSlice = 1 << 15;
constexpr int64_t kCudaSlice = int64_t{1} << 40;

// at::set_num_threads() would also become the default of threads that have not computed yet, such as those that answer
// calls, so OpenMP's own setting is used, which belongs to the thread alone. It is looked up because the OpenMP that
// counts is the one LibTorch is linked with.
void PrepareThisThread(int threads) {
  at::globalContext().setFlushDenormal(true);
  at::get_num_threads();  // takes over that default once, and never again
  using SetThreads = void (*)(int);
  if (auto set_threads = reinterpret_cast<SetThreads>(dlsym(RTLD_DEFAULT, "omp_set_num_threads"))) set_threads(threads);
}

torch::Device ToTorch(const Device& device) {
  if (device.kind == Device::Kind::kCpu) return torch::Device(torch::kCPU);
  return torch::Device(torch::kCUDA, static_cast<c10::DeviceIndex>(device.index));
}

// The first line of a LibTorch error: the rest is a C++ stack.
std::string FirstLine(const std::exception& error) {
  const std::string text = error.what();
  return text.substr(0, text.find('\n'));
}

// Runs `work`, which uses LibTorch. Its exceptions become NETWORK_FAILED: `failure` and why.
absl::Status Guarded(absl::string_view failure, absl::FunctionRef<void()> work) {
  try {
    work();
    return absl::OkStatus();
  } catch (const std::exception& error) {
    return MakeError(Reason::NETWORK_FAILED, absl::StrCat(failure, ": ", FirstLine(error)));
  }
}

std::vector<float> ToPlain(const torch::Tensor& tensor) {
  const torch::Tensor plain = tensor.detach().to(torch::kCPU, torch::kFloat).contiguous();
  return {plain.data_ptr<float>(), plain.data_ptr<float>() + plain.numel()};
}

std::vector<torch::Tensor> WeightsOf(const torch::jit::Module& module) {
  std::vector<torch::Tensor> weights;
  for (const torch::Tensor& weight : module.parameters()) weights.push_back(weight);
  return weights;
}

// Weights and statistics, in the module's order.
std::vector<torch::Tensor> ValuesOf(const torch::jit::Module& module) {
  std::vector<torch::Tensor> values = WeightsOf(module);
  for (const torch::Tensor& buffer : module.buffers()) values.push_back(buffer);
  return values;
}

int64_t BytesOf(const std::vector<torch::Tensor>& tensors) {
  int64_t bytes = 0;
  for (const torch::Tensor& tensor : tensors) bytes += tensor.numel() * tensor.element_size();
  return bytes;
}

// The statistics of a network as they were, for they change where it runs in training mode.
class Buffers {
 public:
  explicit Buffers(const torch::jit::Module& module) {
    for (const torch::Tensor& buffer : module.buffers()) {
      now_.push_back(buffer);
      before_.push_back(buffer.clone());
    }
  }

  bool HaveChanged() const {
    return !std::equal(now_.begin(), now_.end(), before_.begin(),
                       [](const torch::Tensor& now, const torch::Tensor& before) { return torch::equal(now, before); });
  }

  void PutBack() const {
    const torch::NoGradGuard no_gradient;
    for (size_t i = 0; i < now_.size(); ++i) torch::Tensor(now_[i]).copy_(before_[i]);
  }

 private:
  std::vector<torch::Tensor> now_;
  std::vector<torch::Tensor> before_;
};

int64_t BytesOfPlanes(const BundleManifest& manifest) {
  return static_cast<int64_t>(manifest.input.mean.size() * sizeof(float)) * manifest.input_width *
         manifest.input_height;
}

// Planes of pictures that have nothing in common, neither brightness nor pattern.
std::vector<float> MadeUpPlanes(size_t count, const BundleManifest& manifest) {
  const size_t size = static_cast<size_t>(BytesOfPlanes(manifest)) / sizeof(float);
  std::vector<float> planes(count * size);
  for (size_t picture = 0; picture < count; ++picture) {
    const double number = static_cast<double>(picture);
    for (size_t i = 0; i < size; ++i) {
      planes[picture * size + i] =
          static_cast<float>(0.5 * number - 0.5 + 0.5 * std::sin((0.1 + number) * static_cast<double>(i)));
    }
  }
  return planes;
}

// The bytes of tensors that the thread has made since, and at most had at once.
class TensorBytes : public c10::MemoryReportingInfoBase {
 public:
  int64_t peak() const { return peak_; }

  void reportMemoryUsage(void* /*place*/, int64_t bytes, int64_t /*allocated*/, int64_t /*reserved*/,
                         c10::Device /*device*/) override {
    now_ += bytes;
    peak_ = std::max(peak_, now_);
  }
  bool memoryProfilingEnabled() const override { return true; }

 private:
  int64_t now_ = 0;
  int64_t peak_ = 0;
};

std::unique_ptr<torch::optim::Optimizer> MakeOptimizer(const std::vector<torch::Tensor>& weights,
                                                       const NetworkOptions& options) {
  if (options.optimizer == OptimizerKind::kSgd) {
    return std::make_unique<torch::optim::SGD>(weights,
                                               torch::optim::SGDOptions(options.learning_rate).momentum(kMomentum));
  }
  return std::make_unique<torch::optim::Adam>(weights, torch::optim::AdamOptions(options.learning_rate));
}

}  // namespace

struct TrainableNetwork::Torch {
  Torch(const torch::jit::Module& read, const torch::Device& on, const NetworkOptions& with)
      : module(read), device(on), options(with), weights(WeightsOf(module)) {
    for (torch::Tensor& weight : weights) {
      weight.set_data(weight.data().contiguous());
      weight.requires_grad_();
    }
    slices = Slices(weights);
    optimizer = MakeOptimizer(slices, options);
  }

  // TorchScript would compile the network anew for its second run and for each size of batch. A training that goes on
  // after a restart would then compute in another order than one that was never interrupted.
  torch::Tensor Run(absl::Span<const float> planes, size_t count, const BundleManifest& manifest) {
    const torch::jit::GraphOptimizerEnabledGuard as_it_is(false);
    const torch::Tensor pictures =
        torch::from_blob(const_cast<float*>(planes.data()),
                         {static_cast<int64_t>(count), static_cast<int64_t>(manifest.input.mean.size()),
                          manifest.input_height, manifest.input_width});
    const torch::Tensor rows = module.forward({pictures.to(device)}).toTensor();
    TORCH_CHECK(rows.dim() == 2 && rows.size(0) == pictures.size(0) && rows.size(1) == manifest.embedding_size,
                "the network's output is not ", count, "x", manifest.embedding_size);
    return rows;
  }

  // Views of `tensors`, which are contiguous, one after the other.
  std::vector<torch::Tensor> Slices(const std::vector<torch::Tensor>& tensors) const {
    std::vector<torch::Tensor> views;
    for (const torch::Tensor& tensor : tensors) {
      const torch::Tensor flat = tensor.detach().view({-1});
      for (const torch::Tensor& view : flat.split(device.is_cpu() ? kCpuSlice : kCudaSlice)) views.push_back(view);
    }
    return views;
  }

  void StepOptimizer() {
    std::vector<torch::Tensor> gradients;
    for (const torch::Tensor& weight : weights) {
      // A weight that the embeddings do not depend on has no gradient.
      gradients.push_back(weight.grad().defined() ? weight.grad() : torch::zeros_like(weight));
    }
    gradients = Slices(gradients);
    for (size_t i = 0; i < slices.size(); ++i) slices[i].mutable_grad() = gradients[i];
    optimizer->step();
    for (torch::Tensor& slice : slices) slice.mutable_grad().reset();
    ResetGradients();
  }

  // Numbers that the optimiser keeps of each weight.
  size_t NumbersOfOptimizer() const { return options.optimizer == OptimizerKind::kAdam ? 2 : 1; }

  // Of the network and its optimiser, from step to step.
  int64_t BytesKept() const {
    return BytesOf(ValuesOf(module)) + static_cast<int64_t>(NumbersOfOptimizer()) * BytesOf(weights);
  }

  // Their memory is not needed by checkpoints and evaluations.
  void ResetGradients() {
    for (torch::Tensor& weight : weights) weight.mutable_grad().reset();
  }

  torch::Tensor RandomState() const { return at::globalContext().defaultGenerator(device).get_state(); }

  // Of tensors, the weights apart, during two forward and backward runs whose gradients are added up.
  int64_t PeakOfGradients(size_t pictures, const BundleManifest& manifest) {
    const std::vector<float> planes = MadeUpPlanes(pictures, manifest);
    const auto bytes = std::make_shared<TensorBytes>();
    const c10::DebugInfoGuard counted(c10::DebugInfoKind::PROFILER_STATE, bytes);
    for (int run = 0; run < 2; ++run) Run(planes, pictures, manifest).sum().backward();
    ResetGradients();
    return bytes->peak();
  }

  torch::jit::Module module;
  torch::Device device;
  NetworkOptions options;
  std::vector<torch::Tensor> weights;
  std::vector<torch::Tensor> slices;  // views of the weights, which the optimiser moves
  std::unique_ptr<torch::optim::Optimizer> optimizer;
  torch::Tensor embeddings;  // what Forward() returned, with the way it was made
};

TrainableNetwork::TrainableNetwork(BundleManifest manifest, const ModelDigest& digest, std::unique_ptr<Torch> torch)
    : manifest_(std::move(manifest)), digest_(digest), torch_(std::move(torch)) {}

TrainableNetwork::~TrainableNetwork() = default;

absl::StatusOr<std::unique_ptr<TrainableNetwork>> TrainableNetwork::Load(const VerifiedBundle& bundle,
                                                                         const Device& device,
                                                                         const NetworkOptions& options) {
  const auto wrong = [&bundle](const absl::Status& status) {
    return absl::Status(status.code(), absl::StrCat("model bundle ", bundle.path(), ": ", status.message()));
  };
  PrepareThisThread(options.threads);
  std::unique_ptr<Torch> torch;
  torch::jit::ExtraFilesMap extra_files{{kManifestName, ""}};
  const absl::Status loaded = Guarded("it is no TorchScript archive that can be trained", [&] {
    const torch::Device on = ToTorch(device);
    // cuDNN's fastest ways to a gradient add up in any order. This is for the process, but networks that only run
    // forward are not slower by it.
    if (on.is_cuda()) at::globalContext().setDeterministicCuDNN(true);
    torch =
        std::make_unique<Torch>(torch::jit::load(std::make_shared<MemoryReader>(bundle), on, extra_files), on, options);
  });
  if (!loaded.ok()) return wrong(absl::FailedPreconditionError(loaded.message()));
  if (torch->weights.empty()) return wrong(absl::FailedPreconditionError("the network has no weights to train"));
  absl::StatusOr<BundleManifest> manifest = ParseBundleManifest(extra_files[kManifestName]);
  if (!manifest.ok()) return wrong(manifest.status());
  std::unique_ptr<TrainableNetwork> network(
      new TrainableNetwork(*std::move(manifest), bundle.digest(), std::move(torch)));
  if (absl::Status status = network->FindWhetherRowsAreIndependent(); !status.ok()) return wrong(status);
  return network;
}

absl::Status TrainableNetwork::FindWhetherRowsAreIndependent() {
  return Guarded(kTrainingFailed, [&] {
    const torch::NoGradGuard no_gradient;
    const Buffers buffers(torch_->module);
    const torch::Tensor random_before = torch_->RandomState();
    torch_->module.train();
    const std::vector<float> planes = MadeUpPlanes(kProbes, manifest_);
    const size_t size = planes.size() / kProbes;
    const torch::Tensor together = torch_->Run(planes, kProbes, manifest_);
    bool same = true;
    for (size_t i = 0; i < kProbes; ++i) {
      const torch::Tensor alone = torch_->Run(absl::MakeSpan(planes).subspan(i * size, size), 1, manifest_)[0];
      const double difference = (alone - together[static_cast<int64_t>(i)]).norm().item<double>();
      same = same && difference <= kRounding * alone.norm().item<double>();  // not where one is not a number
    }
    const bool random = !torch::equal(torch_->RandomState(), random_before);
    rows_are_independent_ = same && !random && !buffers.HaveChanged();
    buffers.PutBack();
  });
}

absl::StatusOr<std::vector<float>> TrainableNetwork::Preview(absl::Span<const float> planes, size_t count) {
  PrepareThisThread(torch_->options.threads);
  std::vector<float> embeddings;
  const absl::Status status = Guarded(kTrainingFailed, [&] {
    const torch::NoGradGuard no_gradient;
    torch_->module.train();
    embeddings = ToPlain(torch_->Run(planes, count, manifest_));
  });
  if (!status.ok()) return status;
  return embeddings;
}

absl::StatusOr<std::vector<float>> TrainableNetwork::Forward(absl::Span<const float> planes, size_t count) {
  PrepareThisThread(torch_->options.threads);
  std::vector<float> embeddings;
  const absl::Status status = Guarded(kTrainingFailed, [&] {
    torch_->module.train();
    torch_->embeddings = torch_->Run(planes, count, manifest_);
    embeddings = ToPlain(torch_->embeddings);
  });
  if (!status.ok()) return status;
  return embeddings;
}

absl::Status TrainableNetwork::Backward(absl::Span<const float> gradient) {
  PrepareThisThread(torch_->options.threads);
  return Guarded(kTrainingFailed, [&] {
    const torch::Tensor embeddings = std::exchange(torch_->embeddings, torch::Tensor());
    const torch::Tensor plain = torch::from_blob(const_cast<float*>(gradient.data()), embeddings.sizes());
    embeddings.backward(plain.to(embeddings.device()));
  });
}

absl::Status TrainableNetwork::Step() {
  PrepareThisThread(torch_->options.threads);
  return Guarded(kTrainingFailed, [&] { torch_->StepOptimizer(); });
}

absl::StatusOr<int64_t> TrainableNetwork::MeasureMemory(size_t pictures_at_once) {
  PrepareThisThread(torch_->options.threads);
  int64_t peak = 0;
  const absl::Status status = Guarded(kTrainingFailed, [&] {
    const Buffers buffers(torch_->module);
    torch_->module.train();
    // What a batch takes is a line over its size.
    const int64_t of_two = torch_->PeakOfGradients(2, manifest_);
    const int64_t of_four = torch_->PeakOfGradients(4, manifest_);
    buffers.PutBack();
    const int64_t of_one = (of_four - of_two) / 2 + BytesOfPlanes(manifest_);
    const int64_t step = of_two + (static_cast<int64_t>(pictures_at_once) - 2) * of_one;
    const int64_t values = BytesOf(ValuesOf(torch_->module));
    const int64_t kept = torch_->BytesKept();
    const int64_t checkpoint = kept;
    // A copy of the network, and its archive as it grows: room for twice as much beside what it had before.
    const int64_t bundle = 4 * values;
    // What is on a GPU takes nothing of this memory.
    const int64_t tensors = kept + std::max({torch_->device.is_cpu() ? step : 0, checkpoint, bundle});
    peak = static_cast<int64_t>(kMemoryOfTensors * static_cast<double>(tensors)) + kMemoryBesideTensors;
  });
  if (!status.ok()) return status;
  return peak;
}

absl::StatusOr<std::vector<float>> TrainableNetwork::Embed(absl::Span<const float> planes, size_t count) const {
  PrepareThisThread(torch_->options.threads);
  std::vector<float> embeddings;
  const absl::Status status = Guarded(kTrainingFailed, [&] {
    const torch::NoGradGuard no_gradient;
    torch_->module.eval();
    embeddings = ToPlain(torch_->Run(planes, count, manifest_));
  });
  if (!status.ok()) return status;
  return embeddings;
}

absl::Status TrainableNetwork::CheckFinite() const {
  PrepareThisThread(torch_->options.threads);
  bool finite = true;
  const absl::Status status = Guarded(kTrainingFailed, [&] {
    const torch::NoGradGuard no_gradient;
    for (const torch::Tensor& value : ValuesOf(torch_->module)) {
      // One pass, where isfinite() needs several.
      if (value.is_floating_point()) finite = finite && std::isfinite(value.norm().item<float>());
    }
  });
  if (!status.ok()) return status;
  return finite ? absl::OkStatus() : MakeError(Reason::LOSS_NOT_FINITE, "a weight of the network is not a number");
}

absl::StatusOr<std::string> TrainableNetwork::Save(absl::string_view training, int epochs) const {
  PrepareThisThread(torch_->options.threads);
  std::string bytes;
  const absl::Status status = Guarded(kTrainingFailed, [&] {
    // A text that grew by doubling would take three times the room.
    const size_t tensors = ValuesOf(torch_->module).size() + torch_->slices.size() * torch_->NumbersOfOptimizer();
    bytes.reserve(static_cast<size_t>(torch_->BytesKept()) + tensors * kArchiveOverheadOfTensor + kArchiveOverhead);
    torch::serialize::OutputArchive archive;
    archive.write("training", torch::IValue(std::string(training)));
    archive.write("epochs", torch::IValue(epochs));
    const std::vector<torch::Tensor> values = ValuesOf(torch_->module);
    for (size_t i = 0; i < values.size(); ++i) archive.write(absl::StrCat("value", i), values[i].detach());
    torch::serialize::OutputArchive optimizer;
    torch_->optimizer->save(optimizer);
    archive.write("optimizer", optimizer);
    archive.save_to([&bytes](const void* data, size_t size) {
      bytes.append(static_cast<const char*>(data), size);
      return size;
    });
  });
  if (!status.ok()) return status;
  return bytes;
}

absl::StatusOr<int> TrainableNetwork::Restore(absl::string_view training, absl::string_view saved) {
  PrepareThisThread(torch_->options.threads);
  int64_t epochs = 0;
  const absl::Status status = Guarded("it cannot be gone on from", [&] {
    torch::serialize::InputArchive archive;
    archive.load_from(saved.data(), saved.size(), torch_->device);
    torch::IValue saved_training;
    archive.read("training", saved_training);
    TORCH_CHECK(saved_training.toStringRef() == training, "it is of another training");
    torch::IValue saved_epochs;
    archive.read("epochs", saved_epochs);
    epochs = saved_epochs.toInt();
    const std::vector<torch::Tensor> values = ValuesOf(torch_->module);
    std::vector<torch::Tensor> saved_values(values.size());
    for (size_t i = 0; i < values.size(); ++i) {
      archive.read(absl::StrCat("value", i), saved_values[i]);
      TORCH_CHECK(saved_values[i].sizes() == values[i].sizes(), "value ", i, " has another shape");
    }
    torch::serialize::InputArchive saved_optimizer;
    archive.read("optimizer", saved_optimizer);
    auto optimizer = MakeOptimizer(torch_->slices, torch_->options);
    optimizer->load(saved_optimizer);
    // All is there: nothing below fails.
    const torch::NoGradGuard no_gradient;
    for (size_t i = 0; i < values.size(); ++i) torch::Tensor(values[i]).copy_(saved_values[i]);
    torch_->optimizer = std::move(optimizer);
  });
  if (!status.ok()) return absl::FailedPreconditionError(status.message());
  return static_cast<int>(epochs);
}

absl::StatusOr<std::string> TrainableNetwork::Export(const std::string& manifest_json) const {
  PrepareThisThread(torch_->options.threads);
  std::ostringstream stream;
  const absl::Status status = Guarded(kTrainingFailed, [&] {
    const torch::NoGradGuard no_gradient;
    torch::jit::Module copy = torch_->module.deepcopy();
    copy.to(torch::kCPU);
    copy.eval();
    for (const torch::Tensor& value : ValuesOf(copy)) {
      if (value.is_floating_point()) value.masked_fill_(value.abs() < kSmallestWeight, 0);
    }
    copy.save(stream, {{kManifestName, manifest_json}});
  });
  if (!status.ok()) return status;
  return std::move(stream).str();
}

}  // namespace likeness
