#include "client/bench/workload.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "grpcpp/support/slice.h"

namespace likeness {
namespace {

// A person takes a few dozen references at most.
constexpr int64_t kEnrolledPersons = 4096;

std::string RandomPrefix() {
  std::random_device random;
  return absl::StrFormat("bench-%08x%08x-", random(), random());
}

grpc::Slice Encode(const google::protobuf::MessageLite& request) { return grpc::Slice(request.SerializeAsString()); }

}  // namespace

const char* NameOf(BenchMethod method) {
  switch (method) {
    case BenchMethod::kVerify:
      return "Verify";
    case BenchMethod::kCompare:
      return "Compare";
    case BenchMethod::kEmbed:
      return "Embed";
    case BenchMethod::kEnroll:
      return "Enroll";
  }
  return "";
}

Workload::Workload(BenchMethod method) : method_(method), person_prefix_(RandomPrefix()) {}

absl::StatusOr<Workload> Workload::Prepare(BenchMethod method, const std::vector<std::string>& photos, Client& client) {
  Workload workload(method);
  if (method == BenchMethod::kVerify) {
    if (const absl::Status prepared = workload.PrepareVerify(photos, client); !prepared.ok()) {
      workload.CleanUp(0, client).IgnoreError();  // the error that came first says more
      return prepared;
    }
    return workload;
  }
  for (size_t i = 0; i < photos.size(); ++i) {
    if (method == BenchMethod::kCompare) {
      v1::CompareRequest request;
      request.set_photo_a(photos[i]);
      request.set_photo_b(photos[(i + 1) % photos.size()]);
      workload.requests_.push_back(Encode(request));
    } else if (method == BenchMethod::kEmbed) {
      v1::EmbedRequest request;
      request.set_photo(photos[i]);
      workload.requests_.push_back(Encode(request));
    } else {
      v1::EnrollRequest request;
      request.add_photos(photos[i]);
      workload.requests_.push_back(Encode(request));
    }
  }
  return workload;
}

absl::Status Workload::PrepareVerify(const std::vector<std::string>& photos, Client& client) {
  absl::Status first_error;
  std::vector<std::string> claims;  // for each photo
  for (const std::string& photo : photos) {
    v1::EnrollRequest enroll;
    enroll.set_person_id(PersonId(enrolled_));
    enroll.add_photos(photo);
    const absl::Status enrolled = client.Enroll(enroll).status();
    first_error.Update(enrolled);
    if (!enrolled.ok() && enrolled.code() != absl::StatusCode::kInvalidArgument) return enrolled;
    claims.push_back(enrolled.ok() ? PersonId(enrolled_++) : PersonId(0));
  }
  if (enrolled_ == 0) return first_error;
  for (size_t i = 0; i < photos.size(); ++i) {
    v1::VerifyRequest verify;
    verify.set_person_id(claims[i]);
    verify.set_photo(photos[i]);
    requests_.push_back(Encode(verify));
  }
  return absl::OkStatus();
}

std::string Workload::PersonId(int64_t number) const { return absl::StrCat(person_prefix_, number); }

grpc::ByteBuffer Workload::Request(int64_t number) const {
  const grpc::Slice& request = requests_[static_cast<size_t>(number) % requests_.size()];
  if (method_ != BenchMethod::kEnroll) return grpc::ByteBuffer(&request, 1);
  // Encoded messages that follow each other are one message with the fields of both.
  v1::EnrollRequest person;
  person.set_person_id(PersonId(number % kEnrolledPersons));
  const std::array<grpc::Slice, 2> slices = {Encode(person), request};
  return grpc::ByteBuffer(slices.data(), slices.size());
}

absl::Status Workload::CleanUp(int64_t requests, Client& client) const {
  absl::Status first_error;
  const int64_t persons = method_ == BenchMethod::kEnroll ? std::min(requests, kEnrolledPersons) : enrolled_;
  for (int64_t i = 0; i < persons; ++i) {
    v1::DeletePersonRequest request;
    request.set_person_id(PersonId(i));
    const absl::Status deleted = client.DeletePerson(request).status();
    if (deleted.code() != absl::StatusCode::kNotFound) first_error.Update(deleted);
  }
  return first_error;
}

}  // namespace likeness
