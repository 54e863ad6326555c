#include "client/channel.h"

#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/support/channel_arguments.h"

namespace likeness {
namespace {

constexpr int kMaxReceivedBytes = 64 << 20;  // a page of 1000 persons with many references passes gRPC's 4 MiB
constexpr int kKeepaliveMilliseconds = 10 * 60 * 1000;  // gRPC's servers close a connection that asks within 5 minutes

}  // namespace

std::shared_ptr<grpc::Channel> ConnectWithoutTls(const std::string& target) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxReceivedBytes);
  arguments.SetMaxSendMessageSize(-1);  // the server says what is too large
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMilliseconds);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);  // no bound: a waiting training sends nothing for hours
  return grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments);
}

}  // namespace likeness
