// Measures OpenCV's dnn module on the same network, written as ONNX by export_onnx.py. Answers requests: see rounds.h.
//
//   opencv_dnn_benchmark --model=mobilefacenet-192.onnx --faces=faces.rgb
#include <emmintrin.h>
#include <pmmintrin.h>
#include <xmmintrin.h>

#include <exception>
#include <iostream>
#include <opencv2/core.hpp>
#include <opencv2/dnn.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "tests/benchmark/rounds.h"

ABSL_FLAG(std::string, model, "", "The ONNX file");
ABSL_FLAG(std::string, faces, "", "File of aligned faces, 8-bit RGB without a header");

namespace likeness {
namespace {

constexpr int kSide = 112;

class OpenCvEngine : public Engine {
 public:
  OpenCvEngine(cv::dnn::Net net, std::vector<FacePixels> faces) : net_(std::move(net)), faces_(std::move(faces)) {}

  void Prepare(int batch) override {
    std::vector<cv::Mat> pictures;
    for (size_t i = 0; i < static_cast<size_t>(batch); ++i) {
      pictures.emplace_back(kSide, kSide, CV_8UC3, faces_[i % faces_.size()].data());
    }
    input_ = cv::dnn::blobFromImages(pictures, 1 / 128.0, cv::Size(kSide, kSide), cv::Scalar::all(127.5));
  }

  std::vector<std::vector<float>> Run() override {
    net_.setInput(input_);
    const cv::Mat output = net_.forward();
    std::vector<std::vector<float>> points;
    for (int row = 0; row < output.rows; ++row) {
      points.emplace_back(output.ptr<float>(row), output.ptr<float>(row) + output.cols);
    }
    return points;
  }

 private:
  cv::dnn::Net net_;
  std::vector<FacePixels> faces_;
  cv::Mat input_;
};

}  // namespace
}  // namespace likeness

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("Measures OpenCV's dnn module.");
  absl::ParseCommandLine(argc, argv);
  try {
    // The same terms for all: one thread, subnormal numbers flushed.
    cv::setNumThreads(1);
    _MM_SET_FLUSH_ZERO_MODE(_MM_FLUSH_ZERO_ON);
    _MM_SET_DENORMALS_ZERO_MODE(_MM_DENORMALS_ZERO_ON);
    likeness::OpenCvEngine engine(cv::dnn::readNetFromONNX(absl::GetFlag(FLAGS_model)),
                                  likeness::ReadFaces(absl::GetFlag(FLAGS_faces), likeness::kSide));
    likeness::AnswerRequests(engine, std::cin, std::cout);
  } catch (const std::exception& error) {
    std::cerr << "opencv_dnn_benchmark: " << error.what() << std::endl;
    return 1;
  }
  return 0;
}
