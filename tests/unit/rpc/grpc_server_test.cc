#include "server/rpc/grpc_server.h"

#include <gmock/gmock.h>
#include <grpc/health/v1/health.grpc.pb.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <memory>

#include "absl/strings/str_cat.h"
#include "tests/support/matchers.h"

namespace likeness {
namespace {

// A start that fails after the port was opened ends it without a ShutDown(); it used to wait for watchers for ever.
TEST(GrpcServerTest, AWatcherDoesNotHoldUpItsDestruction) {
  auto server = GrpcServer::Start({.address = "127.0.0.1:0"}, {}, {});
  ASSERT_THAT(server, IsOk());
  const auto stub = grpc::health::v1::Health::NewStub(
      grpc::CreateChannel(absl::StrCat("127.0.0.1:", (*server)->port()), grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  const auto watcher = stub->Watch(&context, {});
  grpc::health::v1::HealthCheckResponse response;
  ASSERT_TRUE(watcher->Read(&response));
  EXPECT_EQ(response.status(), grpc::health::v1::HealthCheckResponse::NOT_SERVING);
  server->reset();
  while (watcher->Read(&response)) {
  }
  EXPECT_FALSE(watcher->Finish().ok());
}

}  // namespace
}  // namespace likeness
