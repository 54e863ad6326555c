// Neighbors of the server that stop reading, fill up or go away: none of them stops a call or the end of the process.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "client/call_status.h"
#include "tests/integration/photos.h"
#include "tests/integration/server_process.h"

namespace likeness {
namespace {

using testing::HasSubstr;
using testing::Not;
using Stub = v1::FaceVerificationService::Stub;

class StalledNeighborsTest : public testing::Test {
 protected:
  void Start(std::vector<std::string> flags = {}) {
    auto started = ServerProcess::Start({.folder = folder_.path(), .flags = std::move(flags)});
    ASSERT_TRUE(started.ok()) << started.status();
    server_ = *std::move(started);
    stub_ = server_->Stub();
  }

  absl::Status List() {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    v1::ListPersonsResponse response;
    return ToAbslStatus(stub_->ListPersons(&context, {}, &response));
  }

  // A connection that sends `text` to a port of this machine and waits until it is closed, for ten seconds at most.
  static void SendTo(int port, const std::string& text) {
    const int descriptor = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval limit{10, 0};
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    ASSERT_EQ(connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    ASSERT_EQ(write(descriptor, text.data(), text.size()), static_cast<ssize_t>(text.size()));
    char buffer[4096];
    while (read(descriptor, buffer, sizeof(buffer)) > 0) {
    }
    close(descriptor);
  }

  int Port() const {
    int port = 0;
    EXPECT_TRUE(absl::SimpleAtoi(server_->target().substr(server_->target().rfind(':') + 1), &port));
    return port;
  }

  TemporaryFolder folder_;
  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<Stub> stub_;
};

// Its log goes to a pipe of one page, which is full after some thirty calls, and which nobody reads.
TEST_F(StalledNeighborsTest, AStalledReaderOfTheLogStopsNeitherCallsNorTheEnd) {
  const std::string pipe = folder_.path() + "/server.log";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  const int reader = open(pipe.c_str(), O_RDONLY | O_NONBLOCK);
  ASSERT_GE(reader, 0);
  ASSERT_GE(fcntl(reader, F_SETPIPE_SZ, 4096), 0);
  Start({"--grace-period=10"});
  for (int call = 0; call < 300; ++call) ASSERT_TRUE(List().ok()) << call;
  server_->Terminate();
  const absl::Time asked = absl::Now();
  EXPECT_EQ(server_->Wait(), 0);
  EXPECT_LT(absl::Now() - asked, absl::Seconds(10)) << "the grace period";
  close(reader);
}

// Who speaks another protocol makes gRPC write what was sent; it used to do so past the log, as it came.
TEST_F(StalledNeighborsTest, WhatGrpcSaysIsLinesOfJsonToo) {
  Start();
  SendTo(Port(), "GET /forged HTTP/1.1\r\nHost: x\r\n\r\n\x1b[31m{\"event\":\"forged\"}\n\n");
  SendTo(Port(), "\x16\x03\x01\x02\x00\x01\xff\xfe\xfd a handshake of TLS, perhaps\r\n\r\n and more \r\n\r\n");
  EXPECT_TRUE(List().ok());
  const FailedStart second = RunToEnd({"--address=" + server_->target(), "--metrics-address=off", "--device=cpu",
                                       "--model=" LIKENESS_MODELS_DIR "/mobilefacenet-192.pt",
                                       "--face-finder=" LIKENESS_MODELS_DIR "/face-finder.pt",
                                       "--gallery=sqlite:" + folder_.path() + "/other.db", "--plaintext-gallery=true"});
  EXPECT_EQ(second.exit_code, 1);
  server_->Terminate();
  EXPECT_EQ(server_->Wait(), 0);
  int of_grpc = 0;
  for (const std::string& log : {server_->Log(), second.log}) {
    for (absl::string_view line : absl::StrSplit(log, '\n', absl::SkipEmpty())) {
      const auto entry = nlohmann::json::parse(line, nullptr, false);
      ASSERT_TRUE(entry.is_object()) << line;
      EXPECT_NE(entry["event"], "forged");
      if (entry["event"] == "grpc") ++of_grpc;
      for (const char byte : line) ASSERT_TRUE(byte >= ' ' && byte <= '~') << line;
    }
  }
  EXPECT_GT(of_grpc, 0) << "gRPC had nothing to say, so that this test has seen nothing";
  EXPECT_THAT(second.log, HasSubstr("cannot listen on"));
}

}  // namespace
}  // namespace likeness
