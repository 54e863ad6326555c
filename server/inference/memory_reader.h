// LibTorch's view of a bundle's bytes, without a copy of them and without a look at the file. Only for translation
// units that include LibTorch.
#ifndef LIKENESS_SERVER_INFERENCE_MEMORY_READER_H_
#define LIKENESS_SERVER_INFERENCE_MEMORY_READER_H_

#include <caffe2/serialize/read_adapter_interface.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "server/seal/verified_bundle.h"

namespace likeness {

class MemoryReader : public caffe2::serialize::ReadAdapterInterface {
 public:
  explicit MemoryReader(VerifiedBundle bundle) : bundle_(std::move(bundle)) {}

  size_t size() const override { return bundle_.bytes().size(); }
  size_t read(uint64_t position, void* buffer, size_t size, const char* /*what*/ = "") const override {
    const absl::string_view bytes = bundle_.bytes();
    if (position >= bytes.size()) return 0;
    const size_t count = std::min(size, bytes.size() - static_cast<size_t>(position));
    std::memcpy(buffer, bytes.data() + position, count);
    return count;
  }

 private:
  const VerifiedBundle bundle_;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_INFERENCE_MEMORY_READER_H_
