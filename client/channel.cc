#include "client/channel.h"

#include "grpcpp/create_channel.h"
#include "grpcpp/support/channel_arguments.h"

namespace likeness {
namespace {

constexpr int kMaxReceivedBytes = 64 << 20;  // a page of 1000 persons with many references passes gRPC's 4 MiB
constexpr int kKeepaliveMilliseconds = 10 * 60 * 1000;  // gRPC's servers close a connection that asks within 5 minutes

}  // namespace

std::shared_ptr<grpc::ChannelCredentials> CredentialsOf(const Client::Options& options) {
  if (!options.tls.has_value()) return options.token.empty() ? grpc::InsecureChannelCredentials() : nullptr;
  grpc::SslCredentialsOptions tls;
  tls.pem_root_certs = options.tls->root_certificates;
  tls.pem_cert_chain = options.tls->certificate;
  tls.pem_private_key = options.tls->key;
  std::shared_ptr<grpc::ChannelCredentials> channel = grpc::SslCredentials(tls);
  if (options.token.empty()) return channel;
  return grpc::CompositeChannelCredentials(channel, grpc::AccessTokenCredentials(options.token));
}

std::shared_ptr<grpc::Channel> Connect(const Client::Options& options) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxReceivedBytes);
  arguments.SetMaxSendMessageSize(-1);  // the server says what is too large
  // Of a name with several addresses all servers get calls, not only the one that answered first.
  arguments.SetLoadBalancingPolicyName("round_robin");
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMilliseconds);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);  // no bound: a waiting training sends nothing for hours
  return grpc::CreateCustomChannel(options.target, CredentialsOf(options), arguments);
}

}  // namespace likeness
