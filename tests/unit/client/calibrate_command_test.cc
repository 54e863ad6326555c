#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "server/bundle_file/bundle_manifest_file.h"
#include "server/seal/seal.h"
#include "tests/support/files.h"
#include "tests/unit/client/cli_run.h"
#include "tests/unit/client/fake_server.h"

namespace likeness {
namespace {

using nlohmann::json;
using testing::HasSubstr;

// The fake server takes the bytes of a photo for the position of its face on a line, and says that it runs the default
// bundle.
class CalibrateCommandTest : public testing::Test {
 protected:
  CalibrateCommandTest() {
    digest_ = VerifySeal(ReadFile(bundle_))->Hex();
    server_.service.embed = [this](const v1::EmbedRequest& request, v1::EmbedResponse* response) {
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

  CliRun Calibrate() {
    return RunCli({"calibrate", "--images", photos_, "--server", server_.address(), "--model", bundle_, "--out", out_,
                   "--source", "people on a line", "--json"});
  }

  FakeServer server_;
  const std::string bundle_ = ModelPath("mobilefacenet-192.pt");
  const std::string photos_ = UniquePath("photos");
  const std::string out_ = UniquePath("calibrated.pt");
  std::string digest_;
};

TEST_F(CalibrateCommandTest, WritesABundleThatCarriesWhatWasMeasured) {
  const CliRun run = Calibrate();
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const json result = json::parse(run.out);
  EXPECT_EQ(result["digest"], VerifySeal(ReadFile(out_))->Hex());
  EXPECT_NE(result["digest"], digest_);
  const json manifest = json::parse(*ReadBundleManifest(ReadFile(out_)));
  EXPECT_EQ(manifest["name"], "mobilefacenet-192");
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
}

TEST_F(CalibrateCommandTest, WantsASource) {
  EXPECT_EQ(RunCli({"calibrate", "--images", photos_, "--model", bundle_, "--out", out_}).exit_code, 2);
  EXPECT_EQ(RunCli({"calibrate", "--images", photos_, "--model", bundle_, "--out", out_, "--source", ""}).exit_code, 2);
}

}  // namespace
}  // namespace likeness
