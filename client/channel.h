// The connection that the clients of likeness make when they are given an address.
#ifndef LIKENESS_CLIENT_CHANNEL_H_
#define LIKENESS_CLIENT_CHANNEL_H_

#include <memory>
#include <string>

#include "grpcpp/channel.h"

namespace likeness {

// A channel without TLS that connects at its first call. It sends messages of any size, which the server may refuse,
// and receives up to 64 MiB. While calls are open it asks a silent server every ten minutes whether it is still there,
// so that a watched training whose machine has gone ends with UNAVAILABLE. Thread-safe, as all channels are.
std::shared_ptr<grpc::Channel> ConnectWithoutTls(const std::string& target);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_CHANNEL_H_
