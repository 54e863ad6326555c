// The connection that the clients of likeness make when they are given an address.
#ifndef LIKENESS_CLIENT_CHANNEL_H_
#define LIKENESS_CLIENT_CHANNEL_H_

#include <memory>

#include "client/client.h"
#include "grpcpp/channel.h"
#include "grpcpp/security/credentials.h"

namespace likeness {

// What proves both sides to each other, as the options say: TLS or none, with the token or without. Null, with which
// every call fails, for a token without TLS.
std::shared_ptr<grpc::ChannelCredentials> CredentialsOf(const Client::Options& options);

// A channel to options.target that connects at its first call, to every address that the name has; calls take them in
// turn. It sends messages of any size, which the server may refuse, and receives up to 64 MiB. While calls are open it
// asks a silent server every ten minutes whether it is still there, so that a watched training whose machine has gone
// ends with UNAVAILABLE. Thread-safe, as all channels are.
std::shared_ptr<grpc::Channel> Connect(const Client::Options& options);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_CHANNEL_H_
