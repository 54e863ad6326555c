#include "client/model_client.h"

#include <filesystem>
#include <string>

#include "absl/strings/escaping.h"
#include "client/model_file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/hashing/sha256.h"
#include "tests/support/files.h"
#include "tests/unit/client/fake_server.h"

namespace likeness {
namespace {

using ::testing::HasSubstr;

std::string DigestOf(const std::string& bytes) {
  const Sha256Digest digest = Sha256(bytes);
  return absl::BytesToHexString({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

class ModelClientTest : public ::testing::Test {
 protected:
  // Sends these bytes in two pieces.
  void ServeModel(const std::string& bytes) {
    server_.models.export_model = [bytes](grpc::ServerContext&, const auto&, auto& writer) {
      v1::ExportModelResponse piece;
      piece.set_content(bytes.substr(0, bytes.size() / 2));
      writer.Write(piece);
      piece.set_content(bytes.substr(bytes.size() / 2));
      writer.Write(piece);
      return grpc::Status::OK;
    };
  }

  FakeServer server_;
  ModelClient client_{{.target = server_.address(), .timeout = absl::Seconds(20)}};
};

TEST_F(ModelClientTest, TellsHowFarAnActivationIs) {
  server_.models.activate_model = [](grpc::ServerContext&, const v1::ActivateModelRequest& request, auto& writer) {
    EXPECT_TRUE(request.leave_behind());
    v1::ActivateModelResponse response;
    response.set_total_references(2);
    writer.Write(response);
    response.set_embedded_references(2);
    response.set_active(true);
    writer.Write(response);
    return grpc::Status::OK;
  };
  v1::ActivateModelRequest request;
  request.set_leave_behind(true);
  int told = 0;
  const absl::StatusOr<v1::ActivateModelResponse> end =
      client_.ActivateModel(request, [&told](const v1::ActivateModelResponse&) { ++told; });
  ASSERT_TRUE(end.ok()) << end.status();
  EXPECT_EQ(end->embedded_references(), 2);
  EXPECT_EQ(told, 2);
}

TEST_F(ModelClientTest, DoesNotTakeTheEndOfTheCallForAnActiveModel) {
  server_.models.activate_model = [](grpc::ServerContext&, const auto&, auto&) { return grpc::Status::OK; };
  EXPECT_EQ(client_.ActivateModel({}, {}).status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(ModelClientTest, ReturnsTheServersReason) {
  server_.models.delete_model = [](const auto&, auto*) {
    return ToGrpcStatus({grpc::StatusCode::FAILED_PRECONDITION, "MODEL_IN_USE", "the model is active", "", {}});
  };
  EXPECT_EQ(ErrorReasonOf(client_.DeleteModel({}).status()), "MODEL_IN_USE");
}

TEST_F(ModelClientTest, ExportsAModelWhoseBytesHaveItsDigest) {
  ServeModel("the bytes of a model");
  const std::string path = UniquePath("model.pt");
  const absl::StatusOr<int64_t> size = ExportModelToFile(client_, DigestOf("the bytes of a model"), path);
  ASSERT_TRUE(size.ok()) << size.status();
  EXPECT_EQ(*size, 20);
  EXPECT_EQ(ReadFile(path), "the bytes of a model");
}

TEST_F(ModelClientTest, LeavesAFileAsItWasWhenTheBytesHaveAnotherDigest) {
  ServeModel("damaged bytes");
  const std::string path = UniquePath("model.pt");
  WriteFile(path, "an earlier model");
  const absl::Status status = ExportModelToFile(client_, DigestOf("the bytes of a model"), path).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr(DigestOf("damaged bytes")));
  EXPECT_EQ(ReadFile(path), "an earlier model");
}

TEST_F(ModelClientTest, MakesNoFileWhenTheExportFails) {
  const std::string path = UniquePath("model.pt");
  EXPECT_EQ(ExportModelToFile(client_, DigestOf(""), path).status().code(), absl::StatusCode::kUnimplemented);
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(ModelClientTest, ReportsAFileThatCannotBeWritten) {
  ServeModel("bytes");
  const absl::Status status = ExportModelToFile(client_, DigestOf("bytes"), "/no-such-folder/model.pt").status();
  EXPECT_THAT(std::string(status.message()), HasSubstr("/no-such-folder/model.pt cannot be written"));
}

}  // namespace
}  // namespace likeness
