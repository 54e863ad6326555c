// The one translation unit of inference that includes LibTorch: archive.h, network.h and cuda_devices.h are its face.
#include "server/inference/archive.h"

#include <ATen/Parallel.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <caffe2/serialize/inline_container.h>
#include <dlfcn.h>
#include <malloc.h>
#include <torch/cuda.h>
#include <torch/script.h>

#include <algorithm>
#include <exception>
#include <map>
#include <sstream>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/errors/errors.h"
#include "server/hashing/sha256.h"
#include "server/inference/cuda_devices.h"
#include "server/inference/memory_reader.h"

namespace likeness {
namespace {

constexpr char kManifestName[] = "likeness.json";
constexpr char kManifestRecord[] = "extra/likeness.json";

// y = M (x − mean) for each row x, scaled to unit length (server/verification/linear_head.h).
constexpr char kHeadedForward[] = R"(
def forward(self, pictures: Tensor) -> Tensor:
    rows = torch.matmul(self.network.forward(pictures) - self.mean, self.matrix.t())
    return rows / torch.norm(rows, 2, [1], True)
)";

// LibTorch settings that belong to the thread: one core a thread, subnormals flushed. Cheap when done already.
void PrepareThisThread() {
  thread_local const bool prepared = [] {
    at::set_num_threads(1);
    at::globalContext().setFlushDenormal(true);
    return true;
  }();
  (void)prepared;
}

// OpenBLAS starts its own threads beside LibTorch's. The symbol is there only where OpenBLAS is the BLAS.
void KeepBlasOnOneThread() {
  using SetThreads = void (*)(int);
  if (auto set_threads = reinterpret_cast<SetThreads>(dlsym(RTLD_DEFAULT, "openblas_set_num_threads"))) set_threads(1);
}

// A network's intermediate results are blocks of a megabyte and more, made and freed with each layer. glibc gives such
// memory back to the kernel, which has to clear it again page by page: a fifth of the time of a batch of eight faces.
// These are the bounds at which glibc's own adaptive thresholds end, set from the start and for good.
void KeepMemoryBetweenLayers() {
#ifdef __GLIBC__
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 64 << 20);
#endif
}

torch::Device ToTorch(const Device& device) {
  if (device.kind == Device::Kind::kCpu) return torch::Device(torch::kCPU);
  return torch::Device(torch::kCUDA, static_cast<c10::DeviceIndex>(device.index));
}

// The line of a LibTorch error that says what went wrong. Most begin with it, and a C++ stack follows; those of
// TorchScript's interpreter end with it, after a stack of TorchScript.
std::string CauseOf(const std::exception& error) {
  const std::string cause_mark = "\nRuntimeError: ";
  const std::string text = error.what();
  const size_t cause = text.rfind(cause_mark);
  const size_t begin = cause == std::string::npos ? 0 : cause + cause_mark.size();
  return text.substr(begin, text.find('\n', begin) - begin);
}

// The calling thread's own stream of work on a CUDA device. By the interface that all builds of LibTorch have, so that
// this compiles without CUDA.
c10::Stream StreamOfThisThread(const torch::Device& device) {
  thread_local std::map<c10::DeviceIndex, c10::Stream> streams;
  auto found = streams.find(device.index());
  if (found == streams.end()) {
    const c10::impl::VirtualGuardImpl cuda(device.type());
    found = streams.emplace(device.index(), cuda.getStreamFromGlobalPool(device)).first;
  }
  return found->second;
}

// Memory of the host that a CUDA device copies from and to by itself, while the processor goes on.
torch::Tensor PinnedLike(const torch::Tensor& tensor) {
  return torch::empty(tensor.sizes(), torch::dtype(torch::kFloat).pinned_memory(true));
}

std::vector<torch::Tensor> TensorsOf(const torch::jit::IValue& output) {
  if (output.isTensor()) return {output.toTensor()};
  std::vector<torch::Tensor> tensors;
  for (const torch::jit::IValue& element : output.toTupleRef().elements()) tensors.push_back(element.toTensor());
  return tensors;
}

Sha256Digest DigestOfNetwork(const std::shared_ptr<MemoryReader>& bytes) {
  FieldHasher hasher;
  caffe2::serialize::PyTorchStreamReader reader(bytes);
  std::vector<std::string> names = reader.getAllRecords();
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    if (name == kManifestRecord) continue;
    const auto [content, size] = reader.getRecord(name);
    hasher.Add(name);
    hasher.Add({static_cast<const char*>(content.get()), size});
  }
  return hasher.Finish();
}

// On the CPU the optimizer turns convolutions into oneDNN's own, with weights packed once, and what follows them too: a
// network that asks oneDNN for what it cannot do, as an adaptive average pooling of 27 pixels to 4, runs without it.
torch::jit::Module PrepareForCpu(const torch::jit::Module& module, absl::Span<const int64_t> trial) {
  torch::jit::Module optimized = torch::jit::freeze(module);
  optimized = torch::jit::optimize_for_inference(optimized);
  if (trial.empty()) return optimized;
  try {
    const c10::InferenceMode inference_mode;
    optimized.forward({torch::zeros(torch::IntArrayRef(trial.data(), trial.size()))});
    return optimized;
  } catch (const std::exception&) {
    return torch::jit::freeze(module);  // anew: the optimizer changed the other in place
  }
}

torch::Tensor ToTensor(absl::Span<const float> numbers, torch::IntArrayRef shape) {
  return torch::from_blob(const_cast<float*>(numbers.data()), shape).clone();
}

// Of a tensor in the memory of the host.
Tensor ToPlain(const torch::Tensor& tensor) {
  const torch::Tensor plain = tensor.to(torch::kFloat).contiguous();
  return Tensor{plain.sizes().vec(), {plain.data_ptr<float>(), plain.data_ptr<float>() + plain.numel()}};
}

}  // namespace

struct Archive::Module {
  torch::jit::Module module;
  torch::Device device = torch::kCPU;
};

class Network::Impl {
 public:
  Impl(const torch::jit::Module& module, torch::Device device, Precision precision)
      : module_(module), device_(device), precision_(precision) {}

  std::vector<Tensor> Run(absl::Span<const float> input, absl::Span<const int64_t> shape) const {
    PrepareThisThread();
    const c10::InferenceMode inference_mode;
    const torch::Tensor tensor =
        torch::from_blob(const_cast<float*>(input.data()), torch::IntArrayRef(shape.data(), shape.size()));
    std::vector<Tensor> outputs;
    for (const torch::Tensor& output : device_.is_cuda() ? RunOnCuda(tensor) : TensorsOf(module_.forward({tensor}))) {
      outputs.push_back(ToPlain(output));
    }
    return outputs;
  }

 private:
  // From the host's memory to the host's memory. Returns when the device is done.
  std::vector<torch::Tensor> RunOnCuda(const torch::Tensor& input) const {
    const c10::Stream stream = StreamOfThisThread(device_);
    const c10::StreamGuard guard(stream);
    torch::Tensor faces = PinnedLike(input).copy_(input).to(device_, /*non_blocking=*/true);
    if (precision_ == Precision::kFp16) faces = faces.to(torch::kHalf);
    std::vector<torch::Tensor> outputs;
    for (const torch::Tensor& output : TensorsOf(module_.forward({faces}))) {
      outputs.push_back(PinnedLike(output).copy_(output.to(torch::kFloat), /*non_blocking=*/true));
    }
    stream.synchronize();
    return outputs;
  }

  // Module::forward() is not const, though it changes nothing in a frozen module.
  mutable torch::jit::Module module_;
  torch::Device device_;
  Precision precision_;
};

int CudaDeviceCount() { return torch::cuda::is_available() ? static_cast<int>(torch::cuda::device_count()) : 0; }

absl::StatusOr<Archive> Archive::Open(const std::string& path, const Device& device) {
  const absl::StatusOr<VerifiedBundle> bundle = VerifiedBundle::Read(path);
  return bundle.ok() ? Open(*bundle, device) : bundle.status();
}

absl::StatusOr<Archive> Archive::Open(const VerifiedBundle& bundle, const Device& device) {
  const auto wrong = [&bundle](absl::string_view why) {
    return absl::FailedPreconditionError(absl::StrCat("model bundle ", bundle.path(), ": ", why));
  };
  KeepBlasOnOneThread();
  KeepMemoryBetweenLayers();
  PrepareThisThread();
  Archive archive;
  archive.path_ = bundle.path();
  archive.digest_ = bundle.digest();
  try {
    const auto bytes = std::make_shared<MemoryReader>(bundle);
    archive.network_digest_ = DigestOfNetwork(bytes);
    torch::jit::ExtraFilesMap extra_files{{kManifestName, ""}};
    auto module = std::make_shared<Module>();
    module->device = ToTorch(device);
    module->module = torch::jit::load(bytes, module->device, extra_files);
    module->module.eval();
    archive.manifest_ = extra_files[kManifestName];
    archive.module_ = std::move(module);
  } catch (const std::exception& error) {
    return wrong(absl::StrCat("it is no TorchScript archive: ", CauseOf(error)));
  }
  if (archive.manifest_.empty()) return wrong("likeness.json is missing from the archive");
  return archive;
}

absl::StatusOr<Network> Archive::LoadNetwork(absl::string_view submodule, Precision precision,
                                             absl::Span<const int64_t> trial) const {
  if (precision == Precision::kFp16 && !module_->device.is_cuda()) {
    return absl::FailedPreconditionError("precision fp16 needs a CUDA device");
  }
  try {
    const std::string name(submodule);
    torch::jit::Module module = name.empty() ? module_->module : module_->module.attr(name).toModule();
    if (precision == Precision::kFp16) {
      module = module.clone();  // the archive keeps its own weights
      module.to(torch::kHalf);
    }
    module = module_->device.is_cpu() ? PrepareForCpu(module, trial) : torch::jit::freeze(module);
    // The weights are there before any thread's own stream reads them.
    if (module_->device.is_cuda()) c10::impl::VirtualGuardImpl(torch::kCUDA).getStream(module_->device).synchronize();
    return Network(std::make_shared<Network::Impl>(std::move(module), module_->device, precision));
  } catch (const std::exception& error) {
    return absl::FailedPreconditionError(
        absl::StrCat("model bundle ", path_, ": network '", submodule, "' cannot be prepared: ", CauseOf(error)));
  }
}

absl::StatusOr<std::string> Archive::SaveWithHead(const LinearHead& head, const std::string& manifest_json) const {
  try {
    const torch::NoGradGuard no_gradient;
    torch::jit::Module network = module_->module.deepcopy();
    network.to(torch::kCPU);
    const auto n = static_cast<int64_t>(head.size());
    torch::jit::Module headed("NetworkWithHead");
    headed.register_module("network", network);
    headed.register_buffer("mean", ToTensor(head.mean(), {n}));
    headed.register_buffer("matrix", ToTensor(head.matrix(), {n, n}));
    headed.define(kHeadedForward);
    headed.eval();
    std::ostringstream stream;
    headed.save(stream, {{kManifestName, manifest_json}});
    return std::move(stream).str();
  } catch (const std::exception& error) {
    return absl::FailedPreconditionError(
        absl::StrCat("model bundle ", path_, ": no layer can be put behind its network: ", CauseOf(error)));
  }
}

absl::StatusOr<std::vector<Tensor>> Network::Run(absl::Span<const float> input, absl::Span<const int64_t> shape) const {
  try {
    return impl_->Run(input, shape);
  } catch (const std::exception& error) {
    return MakeError(Reason::NETWORK_FAILED, absl::StrCat("the network failed: ", CauseOf(error)));
  }
}

absl::Status Network::WarmUp(absl::Span<const int64_t> shape) const {
  // TorchScript's executor profiles the first run and optimises in the second; the third is as fast as all later ones.
  constexpr int kRuns = 3;
  int64_t elements = 1;
  for (int64_t size : shape) elements *= size;
  const std::vector<float> zeros(static_cast<size_t>(elements));
  for (int run = 0; run < kRuns; ++run) {
    const absl::StatusOr<std::vector<Tensor>> outputs = Run(zeros, shape);
    if (!outputs.ok()) return outputs.status();
  }
  return absl::OkStatus();
}

}  // namespace likeness
