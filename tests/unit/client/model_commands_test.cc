#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "server/hashing/sha256.h"
#include "tests/unit/client/cli_run.h"
#include "tests/unit/client/fake_server.h"

namespace likeness {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string DigestOf(const std::string& bytes) {
  const Sha256Digest digest = Sha256(bytes);
  return absl::BytesToHexString({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

// The server has the active model "siamese" and the trained model "trained", whose bytes are their names.
class ModelCommandsTest : public ::testing::Test {
 protected:
  ModelCommandsTest() {
    server_.models.list_models = [](const auto&, v1::ListModelsResponse* response) {
      *response->add_models() = Record("siamese");
      *response->add_models() = Record("trained");
      return grpc::Status::OK;
    };
    server_.models.get_model = [](const v1::GetModelRequest& request, v1::GetModelResponse* response) {
      *response->mutable_model() = Record(request.digest() == DigestOf("siamese") ? "siamese" : "trained");
      return grpc::Status::OK;
    };
  }

  static v1::ModelRecord Record(const std::string& name) {
    v1::ModelRecord record;
    record.mutable_model()->set_name(name);
    record.mutable_model()->set_version("1.0.0");
    record.mutable_model()->set_digest(DigestOf(name));
    record.mutable_model()->set_embedding_size(128);
    record.mutable_model()->set_margin(1.5);
    record.mutable_create_time()->set_seconds(1700000000);
    record.set_active(name == "siamese");
    if (name == "trained") record.set_training_id("0123");
    record.mutable_threshold()->set_distance(0.75);
    record.mutable_threshold()->set_source(v1::THRESHOLD_SOURCE_HALF_MARGIN);
    return record;
  }

  CliRun Run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "models");
    arguments.insert(arguments.end(), {"--server", server_.address()});
    return RunCli(arguments);
  }

  FakeServer server_;
  const std::string siamese_ = DigestOf("siamese");
  const std::string trained_ = DigestOf("trained");
};

TEST_F(ModelCommandsTest, ListsModelsInATable) {
  const CliRun run = Run({"list"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(run.out,
            "   NAME     VERSION  DIGEST        CREATED               TRAINING\n"
            "*  siamese  1.0.0    " +
                siamese_.substr(0, 12) +
                "  2023-11-14T22:13:20Z\n"
                "   trained  1.0.0    " +
                trained_.substr(0, 12) + "  2023-11-14T22:13:20Z  0123\n");
  const json models = json::parse(Run({"list", "--json"}).out)["models"];
  ASSERT_EQ(models.size(), 2u);
  EXPECT_EQ(models[0]["active"], true);
  EXPECT_EQ(models[1]["model"]["digest"], trained_);
}

TEST_F(ModelCommandsTest, ShowsAModelByTheFirstDigitsOfItsDigest) {
  const CliRun run = Run({"show", trained_.substr(0, 4)});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(
      run.out,
      "model       trained 1.0.0\n"
      "digest      " +
          trained_ +
          "\n"
          "created     2023-11-14T22:13:20Z\n"
          "embedding   128 numbers, margin 1.5\n"
          "decides by  threshold 0.7500 (half the margin: no measurement of the model supports the false match rate)\n"
          "training    0123\n");
  EXPECT_EQ(json::parse(Run({"show", siamese_, "--json"}).out)["model"]["active"], true);
}

TEST_F(ModelCommandsTest, ExitsWithTwoForAModelThatTheServerDoesNotHave) {
  const CliRun run = Run({"show", "00000000"});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(run.err, StartsWith("error: NOT_FOUND: the server has no model with a digest that begins with 00000000"));
}

TEST_F(ModelCommandsTest, ActivatesAModelAndNamesWhoStaysBehind) {
  server_.models.activate_model = [this](grpc::ServerContext&, const v1::ActivateModelRequest& request, auto& writer) {
    EXPECT_EQ(request.digest(), trained_);
    EXPECT_TRUE(request.leave_behind());
    v1::ActivateModelResponse response;
    response.set_total_references(4);
    response.set_references_without_crop(1);
    response.add_persons_left_behind("bob");
    for (const int embedded : {0, 2, 3}) {
      response.set_embedded_references(embedded);
      response.set_active(embedded == 3);
      writer.Write(response);
    }
    return grpc::Status::OK;
  };
  const CliRun run = Run({"activate", trained_.substr(0, 8), "--leave-behind"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(run.err, "embedding references: 50 %, 2 of 4\nembedding references: 75 %, 3 of 4\n");
  EXPECT_EQ(run.out, "threshold 0.7500 → 0.7500, not measured\nactive: " + trained_.substr(0, 12) +
                         ", with 3 of 4 references\n"
                         "1 reference has no crop and stays behind; to be enrolled again:\n  bob\n");
}

TEST_F(ModelCommandsTest, WritesTheReasonWhenAModelIsNotActivated) {
  server_.models.activate_model = [](grpc::ServerContext&, const auto&, auto&) {
    return ToGrpcStatus({grpc::StatusCode::FAILED_PRECONDITION, "REFERENCES_WITHOUT_CROP", "3 references", "", {}});
  };
  const CliRun run = Run({"activate", trained_});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_EQ(run.err, "error: REFERENCES_WITHOUT_CROP: 3 references\n");
}

TEST_F(ModelCommandsTest, ShowsWhatWouldDecideBeforeAnythingChangesAlsoWhereTheServerRefuses) {
  server_.models.list_models = [](const auto&, v1::ListModelsResponse* response) {
    v1::ModelRecord measured = Record("siamese");
    measured.mutable_threshold()->set_distance(1.0331);
    measured.mutable_threshold()->set_source(v1::THRESHOLD_SOURCE_OPERATING_POINT);
    v1::ModelRecord unmeasured = Record("trained");
    unmeasured.mutable_threshold()->set_distance(-1);
    unmeasured.mutable_threshold()->set_source(v1::THRESHOLD_SOURCE_NOT_MEASURED);
    *response->add_models() = measured;
    *response->add_models() = unmeasured;
    return grpc::Status::OK;
  };
  server_.models.activate_model = [](grpc::ServerContext&, const v1::ActivateModelRequest& request, auto& writer) {
    v1::ActivateModelResponse response;
    response.set_active(true);
    if (request.unmeasured()) {
      writer.Write(response);
      return grpc::Status::OK;
    }
    return ToGrpcStatus({grpc::StatusCode::FAILED_PRECONDITION, "THRESHOLD_NOT_MEASURED", "not measured", "", {}});
  };
  const std::string change = "threshold 1.0331 → none, not measured: Verify and Compare would not answer\n";
  const CliRun refused = Run({"activate", trained_});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_EQ(refused.out, change);
  EXPECT_EQ(refused.err, "error: THRESHOLD_NOT_MEASURED: not measured\n");
  const CliRun insisted = Run({"activate", trained_, "--unmeasured"});
  EXPECT_EQ(insisted.exit_code, 0) << insisted.err;
  EXPECT_THAT(insisted.out, StartsWith(change + "active: "));
  EXPECT_THAT(Run({"activate", siamese_, "--unmeasured"}).out, StartsWith("active: ")) << "it answers already";
  EXPECT_TRUE(json::accept(Run({"activate", trained_, "--unmeasured", "--json"}).out));
}

TEST_F(ModelCommandsTest, LeavesAnActivationToTheServerAtCtrlC) {
  server_.models.activate_model = [](grpc::ServerContext& context, const auto&, auto& writer) {
    v1::ActivateModelResponse response;
    response.set_operation(std::string(32, 'a'));
    writer.Write(response);
    InterruptOnceHeard();
    return AwaitGone(context);
  };
  const CliRun run = Run({"activate", trained_});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(run.err, StartsWith("error: INTERRUPTED: the activation of " + trained_.substr(0, 12) +
                                  " goes on as operation aaaaaaaaaaaa; "));
  EXPECT_THAT(run.out, HasSubstr("operation " + std::string(32, 'a')));
}

TEST_F(ModelCommandsTest, ExportsAModelToAFile) {
  server_.models.export_model = [](grpc::ServerContext&, const auto&, auto& writer) {
    v1::ExportModelResponse piece;
    piece.set_content("trained");
    writer.Write(piece);
    return grpc::Status::OK;
  };
  const std::string path = TemporaryPath("exported.pt");
  const CliRun run = Run({"export", trained_.substr(0, 6), path});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(run.out, "exported: " + path + ", 7 bytes with the model's digest\n");
  EXPECT_EQ(std::filesystem::file_size(path), 7u);
  EXPECT_EQ(json::parse(Run({"export", trained_, path, "--json"}).out)["bytes"], 7);
  const CliRun damaged = Run({"export", siamese_, TemporaryPath("damaged.pt")});
  EXPECT_EQ(damaged.exit_code, 2);
  EXPECT_THAT(damaged.err, StartsWith("error: DATA_LOSS: the 7 bytes that arrived have the SHA-256 " + trained_));
  EXPECT_FALSE(std::filesystem::exists(TemporaryPath("damaged.pt")));
}

TEST_F(ModelCommandsTest, DeletesAModel) {
  server_.models.delete_model = [this](const v1::DeleteModelRequest& request, v1::DeleteModelResponse* response) {
    EXPECT_EQ(request.digest(), trained_);
    response->set_deleted_embeddings(12);
    return grpc::Status::OK;
  };
  EXPECT_EQ(Run({"delete", trained_.substr(0, 12)}).out, "deleted: " + trained_.substr(0, 12) + " and 12 embeddings\n");
}

TEST(ModelCommandsUsageTest, ExitsWithTwoForBadUsage) {
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {"models"}, {"models", "show"}, {"models", "export", "abcd"}, {"models", "delete", "abcd", "ef01"}}) {
    SCOPED_TRACE(testing::PrintToString(arguments));
    const CliRun run = RunCli(arguments);
    EXPECT_EQ(run.exit_code, 2);
    EXPECT_THAT(run.err, StartsWith("error: USAGE: "));
  }
}

}  // namespace
}  // namespace likeness
