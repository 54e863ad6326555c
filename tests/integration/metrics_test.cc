// What Prometheus gets: well-formed, complete, and without anybody's id.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "likeness/v1/model_service.grpc.pb.h"
#include "tests/integration/photos.h"
#include "tests/integration/server_process.h"

namespace likeness {
namespace {

using testing::HasSubstr;
using testing::Not;

class MetricsTest : public testing::Test {
 protected:
  void SetUp() override {
    auto started = ServerProcess::Start({.folder = folder_.path(), .flags = {}});
    ASSERT_TRUE(started.ok()) << started.status();
    server_ = *std::move(started);
    Client client({.target = server_->target()});
    v1::EnrollRequest enroll;
    enroll.set_person_id("secret-person-id");
    enroll.add_photos(Photo("cage.jpg"));
    ASSERT_TRUE(client.Enroll(enroll).ok());
    v1::VerifyRequest verify;
    verify.set_person_id("secret-person-id");
    verify.set_photo(Photo("cage2_crop.jpg"));
    ASSERT_TRUE(client.Verify(verify).ok());
    verify.set_photo("no photo");
    ASSERT_FALSE(client.Verify(verify).ok());
  }

  TemporaryFolder folder_;
  std::unique_ptr<ServerProcess> server_;
};

TEST_F(MetricsTest, CountsCallsVerdictsStagesAndTheGallery) {
  EXPECT_EQ(server_->Metric("likeness_rpc_total{code=\"OK\",method=\"Enroll\"}"), 1);
  EXPECT_EQ(server_->Metric("likeness_rpc_total{code=\"OK\",method=\"Verify\"}"), 1);
  EXPECT_EQ(server_->Metric("likeness_rpc_total{code=\"INVALID_ARGUMENT\",method=\"Verify\"}"), 1);
  EXPECT_EQ(server_->Metric("likeness_rpc_duration_seconds_count{method=\"Verify\"}"), 2);
  EXPECT_EQ(server_->Metric("likeness_verdicts_total{method=\"Verify\",verdict=\"same\"}"), 1);
  EXPECT_EQ(server_->Metric("likeness_distance_count{verdict=\"same\"}"), 1);
  EXPECT_EQ(server_->Metric("likeness_queue_capacity"), 64);
  EXPECT_EQ(server_->Metric("likeness_gallery_persons"), 1);
  EXPECT_EQ(server_->Metric("likeness_gallery_references"), 1);
  EXPECT_EQ(server_->Metric("likeness_cached_references"), 1);
  EXPECT_EQ(server_->Metric("likeness_stage_duration_seconds_count{stage=\"decode\"}"), 3);
  for (const char* stage : {"detect", "align", "embed"}) {
    EXPECT_EQ(server_->Metric(std::string("likeness_stage_duration_seconds_count{stage=\"") + stage + "\"}"), 2)
        << stage;
  }
  EXPECT_EQ(server_->Metric("likeness_stage_duration_seconds_count{stage=\"compare\"}"), 1);
  EXPECT_GT(server_->Metric("process_cpu_seconds_total"), 0);
  EXPECT_GT(server_->Metric("process_resident_memory_bytes"), 1e7);
}

TEST_F(MetricsTest, NoPersonIdIsInAMetricOrInTheLog) {
  EXPECT_THAT(server_->Scrape(), Not(HasSubstr("secret")));
  EXPECT_THAT(server_->Log(), Not(HasSubstr("secret")));
}

TEST_F(MetricsTest, EachCallIsOneLineOfTheLog) {
  EXPECT_THAT(server_->Log(), HasSubstr(R"("event":"call","method":"Enroll","code":"OK")"));
  EXPECT_THAT(server_->Log(),
              HasSubstr(R"("method":"Verify","code":"INVALID_ARGUMENT","reason":"PHOTO_FORMAT_UNSUPPORTED")"));
}

TEST_F(MetricsTest, ACallsLineNamesTheTraceThatItBelongsTo) {
  const auto list_with = [this](const std::vector<std::string>& traceparents) {
    grpc::ClientContext context;
    for (const std::string& traceparent : traceparents) context.AddMetadata("traceparent", traceparent);
    v1::ListPersonsResponse response;
    ASSERT_TRUE(server_->Stub()->ListPersons(&context, {}, &response).ok());
  };
  list_with({"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"});
  EXPECT_THAT(server_->Log(),
              HasSubstr(R"("trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","parent_id":"00f067aa0ba902b7")"));
  list_with({"00-11111111111111111111111111111111-2222222222222222-01",
             "00-33333333333333333333333333333333-4444444444444444-01"});
  list_with({"55555555555555555555555555555555"});
  EXPECT_THAT(server_->Log(), testing::AllOf(Not(HasSubstr("1111")), Not(HasSubstr("3333")), Not(HasSubstr("5555"))));
  grpc::ClientContext context;
  context.AddMetadata("traceparent", "00-66666666666666666666666666666666-7777777777777777-01");
  v1::ListModelsResponse response;
  ASSERT_TRUE(v1::ModelService::NewStub(server_->Connect())->ListModels(&context, {}, &response).ok());
  EXPECT_THAT(server_->Log(), HasSubstr(R"("trace_id":"66666666666666666666666666666666")"));
}

TEST_F(MetricsTest, PromtoolFindsNothingToComplainAbout) {
  if (std::system("promtool --version >/dev/null 2>&1") != 0) {
    GTEST_SKIP() << "promtool is not installed (Debian package prometheus)";
  }
  const std::string scrape = folder_.path() + "/scrape";
  std::ofstream(scrape) << server_->Scrape();
  const std::string complaints = folder_.path() + "/complaints";
  const int result = std::system(("promtool check metrics <" + scrape + " >" + complaints + " 2>&1").c_str());
  EXPECT_EQ(result, 0) << ReadFile(complaints);
}

}  // namespace
}  // namespace likeness
