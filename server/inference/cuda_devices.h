// How many CUDA devices LibTorch can use; 0 when it was built without CUDA.
#ifndef LIKENESS_SERVER_INFERENCE_CUDA_DEVICES_H_
#define LIKENESS_SERVER_INFERENCE_CUDA_DEVICES_H_

namespace likeness {

int CudaDeviceCount();

}  // namespace likeness

#endif  // LIKENESS_SERVER_INFERENCE_CUDA_DEVICES_H_
