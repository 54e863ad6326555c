#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/unit/client/cli_run.h"
#include "tests/unit/client/fake_server.h"

namespace likeness {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

const std::string kActivation = "aaaa" + std::string(28, '1'), kRotation = "bbbb" + std::string(28, '2');

// An activation that runs, and a key rotation that has failed.
class OperationCommandsTest : public ::testing::Test {
 protected:
  OperationCommandsTest() {
    v1::OperationMetadata& running = *activation_.mutable_metadata();
    activation_.set_name(kActivation);
    running.set_kind(v1::OPERATION_KIND_ACTIVATION);
    running.set_model_digest(std::string(64, 'd'));
    running.set_done_count(3);
    running.set_total_count(7);
    running.mutable_create_time()->set_seconds(1700000000);
    running.set_server("host-a");
    v1::OperationMetadata& failed = *rotation_.mutable_metadata();
    rotation_.set_name(kRotation);
    failed.set_kind(v1::OPERATION_KIND_KEY_ROTATION);
    failed.mutable_create_time()->set_seconds(1700000000);
    failed.set_server("host-b");
    rotation_.set_done(true);
    rotation_.mutable_error()->set_reason("STORE_FAILED");
    rotation_.mutable_error()->set_message("the disk is full");
    server_.operations.list_operations = [this](const auto&, v1::ListOperationsResponse* response) {
      *response->add_operations() = activation_;
      *response->add_operations() = rotation_;
      return grpc::Status::OK;
    };
    server_.operations.get_operation = [this](const v1::GetOperationRequest& request,
                                              v1::GetOperationResponse* response) {
      *response->mutable_operation() = request.name() == kActivation ? activation_ : rotation_;
      return grpc::Status::OK;
    };
  }

  CliRun Run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "operations");
    arguments.insert(arguments.end(), {"--server", server_.address()});
    return RunCli(arguments);
  }

  v1::Operation activation_, rotation_;
  FakeServer server_;
};

TEST_F(OperationCommandsTest, ListsOperationsInATable) {
  const CliRun run = Run({"list"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(run.out,
            "OPERATION     WHAT                   STATE    PROGRESS  BEGAN                 SERVER\n"
            "aaaa11111111  activate dddddddddddd  running  3 of 7    2023-11-14T22:13:20Z  host-a\n"
            "bbbb22222222  rotate keys            failed   0 of 0    2023-11-14T22:13:20Z  host-b\n");
  EXPECT_EQ(json::parse(Run({"list", "--json"}).out)["operations"].size(), 2u);
}

TEST_F(OperationCommandsTest, ShowsOneByItsFirstDigitsWithWhatWentWrong) {
  const CliRun run = Run({"show", "bbbb"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr(kRotation));
  EXPECT_THAT(run.out, HasSubstr("error      STORE_FAILED: the disk is full"));
  EXPECT_EQ(Run({"show", "cccc"}).exit_code, 2);
}

TEST_F(OperationCommandsTest, CancelWaitsUntilItHasEnded) {
  std::string asked;
  server_.operations.cancel_operation = [&](const v1::CancelOperationRequest& request,
                                            v1::CancelOperationResponse* response) {
    asked = request.name();
    *response->mutable_operation() = activation_;
    return grpc::Status::OK;
  };
  int looks = 0;
  server_.operations.wait_operation = [&](const auto&, v1::WaitOperationResponse* response) {
    *response->mutable_operation() = activation_;
    if (++looks == 1) return grpc::Status::OK;
    response->mutable_operation()->set_done(true);
    response->mutable_operation()->mutable_error()->set_reason("CANCELLED");
    return grpc::Status::OK;
  };
  const CliRun run = Run({"cancel", "aaaa"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(asked, kActivation);
  EXPECT_THAT(run.out, HasSubstr("state      cancelled"));
  EXPECT_EQ(looks, 2);
}

}  // namespace
}  // namespace likeness
