// What a load asks of the server: the requests of one method, made from given photos.
#ifndef LIKENESS_CLIENT_BENCH_WORKLOAD_H_
#define LIKENESS_CLIENT_BENCH_WORKLOAD_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/client.h"
#include "grpcpp/support/byte_buffer.h"

namespace likeness {

enum class BenchMethod { kVerify, kCompare, kEmbed, kEnroll };

// The method's name in the service, for example "Verify".
const char* NameOf(BenchMethod method);

// Requests are kept in their wire format, so that sending one copies no photo and costs the generator little. Request()
// is thread-safe.
class Workload {
 public:
  // Takes the photos in turn. For Verify each is enrolled first, under an id that starts with a random prefix, and then
  // claimed to be that person's; photos that cannot be enrolled, because of what they show, are claimed to be another
  // one's. Fails when none can be, with the first one's error. `photos` must not be empty.
  static absl::StatusOr<Workload> Prepare(BenchMethod method, const std::vector<std::string>& photos, Client& client);

  // Of this number, from 0 on. Compare takes a photo and the next; Enroll adds photos to a bounded number of persons.
  grpc::ByteBuffer Request(int64_t number) const;

  // Deletes all persons that Prepare() and requests with numbers below `requests` may have enrolled. Goes on after a
  // failure, and returns the first.
  absl::Status CleanUp(int64_t requests, Client& client) const;

  BenchMethod method() const { return method_; }
  const std::string& person_prefix() const { return person_prefix_; }

 private:
  explicit Workload(BenchMethod method);

  absl::Status PrepareVerify(const std::vector<std::string>& photos, Client& client);
  std::string PersonId(int64_t number) const;

  BenchMethod method_;
  std::string person_prefix_;
  int64_t enrolled_ = 0;               // persons 0 to this, by Prepare()
  std::vector<grpc::Slice> requests_;  // for Enroll without the person's id
};

}  // namespace likeness

#endif  // LIKENESS_CLIENT_BENCH_WORKLOAD_H_
