#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "server/bundle_file/bundle_manifest_file.h"
#include "server/bundle_file/measured_bundle.h"
#include "server/seal/seal.h"
#include "tests/support/files.h"
#include "tests/unit/client/cli_run.h"
#include "tests/unit/client/fake_server.h"

namespace likeness {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::MatchesRegex;

// The fake server takes the bytes of a photo for the position of its face on a line, and says that it runs the default
// bundle.
class CalibrateCommandTest : public testing::Test {
 protected:
  CalibrateCommandTest() {
    digest_ = VerifySeal(ReadFile(bundle_))->Hex();
    server_.service.embed = [this](const v1::EmbedRequest& request, v1::EmbedResponse* response) {
      ++embedded_;
      float position = 0;
      if (!absl::SimpleAtof(request.photo(), &position)) {
        return ToGrpcStatus({grpc::StatusCode::INVALID_ARGUMENT, "FACE_NOT_FOUND", "no face", "", {}});
      }
      response->add_embedding(position);
      response->mutable_model()->set_digest(digest_);
      return grpc::Status::OK;
    };
    // 30 people with two photos each, whose clusters touch: 30 genuine and 1,740 impostor pairs.
    for (int person = 0; person < 30; ++person) {
      const std::string folder = absl::StrCat(photos_, "/p", person);
      std::filesystem::create_directories(folder);
      WriteFile(folder + "/a.jpg", absl::StrCat(person));
      WriteFile(folder + "/b.jpg", absl::StrCat(person + (person % 10 == 0 ? 1.5 : 0.2)));
    }
  }
  ~CalibrateCommandTest() override { std::filesystem::remove_all(photos_); }

  CliRun Calibrate() { return CalibrateWith({"--model", bundle_, "--out", out_, "--json"}); }

  CliRun CalibrateWith(std::vector<std::string> options) {
    options.insert(options.begin(),
                   {"calibrate", "--images", photos_, "--server", server_.address(), "--source", "people on a line"});
    return RunCli(options);
  }

  // A server that takes measurements as the real one does.
  void ServeModels() {
    server_.models.list_models = [this](const auto&, v1::ListModelsResponse* response) {
      response->add_models()->mutable_model()->set_digest(digest_);
      if (!installed_.empty()) response->add_models()->mutable_model()->set_digest(installed_);
      return grpc::Status::OK;
    };
    server_.models.export_model = [this](grpc::ServerContext&, const auto&, auto& writer) {
      v1::ExportModelResponse piece;
      piece.set_content(ReadFile(bundle_));
      writer.Write(piece);
      return grpc::Status::OK;
    };
    server_.models.add_measurements = [this](const v1::AddMeasurementsRequest& request,
                                             v1::AddMeasurementsResponse* response) {
      EXPECT_EQ(request.digest(), digest_);
      installed_ = VerifySeal(ReplaceMeasurements(ReadFile(bundle_), request.measurements())->bytes)->Hex();
      response->mutable_model()->set_digest(installed_);
      return grpc::Status::OK;
    };
  }

  FakeServer server_;
  const std::string bundle_ = ModelPath("mobilefacenet-192.pt");
  const std::string photos_ = UniquePath("photos");
  const std::string out_ = UniquePath("calibrated.pt");
  std::string digest_;
  std::string installed_;
  std::atomic<int> embedded_ = 0;
};

TEST_F(CalibrateCommandTest, WritesABundleThatCarriesWhatWasMeasured) {
  const CliRun run = Calibrate();
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const json result = json::parse(run.out);
  EXPECT_EQ(result["digest"], VerifySeal(ReadFile(out_))->Hex());
  EXPECT_NE(result["digest"], digest_);
  const json manifest = json::parse(*ReadBundleManifest(ReadFile(out_)));
  EXPECT_EQ(manifest["name"], "mobilefacenet-192");
  EXPECT_THAT(std::string(manifest["version"]), MatchesRegex("[0-9.]+\\+measured\\.[0-9a-f]{8}"));
  EXPECT_EQ(manifest["operating_points"][0]["fmr"], 0.01);
  EXPECT_EQ(manifest["operating_points"][0]["impostor_pairs"], 1740);
  EXPECT_EQ(manifest["operating_points"][0]["source"], "people on a line");
  EXPECT_LT(manifest["calibration"]["slope"], 0);
  EXPECT_EQ(manifest["calibration"]["people"], 30);
}

TEST_F(CalibrateCommandTest, RefusesABundleThatTheServerDoesNotRun) {
  digest_ = std::string(64, '0');
  const CliRun run = Calibrate();
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(run.err, HasSubstr("the server runs"));
  EXPECT_FALSE(std::filesystem::exists(out_));
  EXPECT_EQ(embedded_, 1) << "it asks with one photo which model answers";
}

TEST_F(CalibrateCommandTest, ChecksFilesBeforeAnyPhotoIsEmbedded) {
  const std::string text = FileWith("text.pt", "text");
  EXPECT_THAT(CalibrateWith({"--model", text, "--out", out_}).err, HasSubstr("text.pt: "));
  const std::string nowhere = TemporaryPath("no/such/folder/out.pt");
  const CliRun run = CalibrateWith({"--model", bundle_, "--out", nowhere});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(run.err, HasSubstr("--out " + nowhere + " cannot be written: "));
  EXPECT_THAT(CalibrateWith({"--model", bundle_, "--out", photos_}).err, HasSubstr("is a folder"));
  EXPECT_EQ(embedded_, 0);
}

TEST_F(CalibrateCommandTest, InstallsWithoutAFileAndSaysWhatIsNext) {
  ServeModels();
  const CliRun run = CalibrateWith({"--install"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  ASSERT_EQ(installed_.size(), 64u);
  EXPECT_THAT(run.out, HasSubstr("installed: " + installed_ + "\nnext: likeness models activate " +
                                 installed_.substr(0, 12) + "\n"));
}

TEST_F(CalibrateCommandTest, InstallsTheVeryBundleThatItWrites) {
  ServeModels();
  const CliRun run = CalibrateWith({"--install", "--model", bundle_, "--out", out_});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(installed_, VerifySeal(ReadFile(out_))->Hex());
}

TEST_F(CalibrateCommandTest, ActivatesWhatItInstalled) {
  ServeModels();
  std::string activated;
  server_.models.activate_model = [&activated](grpc::ServerContext&, const v1::ActivateModelRequest& request,
                                               auto& writer) {
    activated = request.digest();
    v1::ActivateModelResponse response;
    response.set_active(true);
    writer.Write(response);
    return grpc::Status::OK;
  };
  const CliRun run = CalibrateWith({"--install", "--activate"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(activated, installed_);
  EXPECT_THAT(run.out, HasSubstr("active: " + installed_.substr(0, 12)));
}

TEST_F(CalibrateCommandTest, WantsAPlaceForItsResult) {
  EXPECT_THAT(CalibrateWith({"--model", bundle_}).err, HasSubstr("--out, or --install"));
  EXPECT_EQ(CalibrateWith({"--model", bundle_, "--out", out_, "--activate"}).exit_code, 2);
  EXPECT_EQ(embedded_, 0);
}

TEST_F(CalibrateCommandTest, WantsASource) {
  EXPECT_EQ(RunCli({"calibrate", "--images", photos_, "--model", bundle_, "--out", out_}).exit_code, 2);
  EXPECT_EQ(RunCli({"calibrate", "--images", photos_, "--model", bundle_, "--out", out_, "--source", ""}).exit_code, 2);
}

}  // namespace
}  // namespace likeness
