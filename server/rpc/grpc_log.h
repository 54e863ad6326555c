// What gRPC itself has to say, as lines of the log.
#ifndef LIKENESS_SERVER_RPC_GRPC_LOG_H_
#define LIKENESS_SERVER_RPC_GRPC_LOG_H_

namespace likeness {

// From now on gRPC's messages in this process are lines of the log, `grpc`, with what they quote of callers' bytes
// escaped and cut at a thousand. Whoever reaches the port can cause them, so there are ten a second at most: the line
// after that has the number of those left out as `left_out`. Thread-safe.
void LogWhatGrpcSays();

}  // namespace likeness

#endif  // LIKENESS_SERVER_RPC_GRPC_LOG_H_
