#include "client/client.h"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/client/fake_server.h"

namespace likeness {
namespace {

using grpc::health::v1::HealthCheckResponse;

class ClientTest : public ::testing::Test {
 protected:
  Client ClientWithTimeout(absl::Duration timeout) const {
    return Client({.target = server_.address(), .timeout = timeout});
  }
  Client ConnectedClient() const { return ClientWithTimeout(absl::Seconds(20)); }

  FakeServer server_;
};

TEST_F(ClientTest, SendsTheRequestAndReturnsTheResponse) {
  server_.service.verify = [](const v1::VerifyRequest& request, v1::VerifyResponse* response) {
    EXPECT_EQ(request.person_id(), "alice");
    EXPECT_EQ(request.photo(), "photo");
    response->set_verified(true);
    response->set_distance(0.5);
    return grpc::Status::OK;
  };
  v1::VerifyRequest request;
  request.set_person_id("alice");
  request.set_photo("photo");
  const absl::StatusOr<v1::VerifyResponse> response = ConnectedClient().Verify(request);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_TRUE(response->verified());
  EXPECT_EQ(response->distance(), 0.5);
}

TEST_F(ClientTest, SendsEachCallToItsOwnMethod) {
  server_.service.compare = [](const auto&, v1::CompareResponse* response) {
    response->set_distance(1);
    return grpc::Status::OK;
  };
  server_.service.embed = [](const auto&, v1::EmbedResponse* response) {
    response->add_embedding(2);
    return grpc::Status::OK;
  };
  server_.service.enroll = [](const auto&, v1::EnrollResponse* response) {
    response->set_reference_count(3);
    return grpc::Status::OK;
  };
  server_.service.get_person = [](const auto&, v1::GetPersonResponse* response) {
    response->mutable_person()->set_person_id("4");
    return grpc::Status::OK;
  };
  server_.service.list_persons = [](const auto&, v1::ListPersonsResponse* response) {
    response->set_next_page_token("5");
    return grpc::Status::OK;
  };
  server_.service.delete_person = [](const auto&, v1::DeletePersonResponse* response) {
    response->set_deleted_references(6);
    return grpc::Status::OK;
  };
  server_.service.delete_reference = [](const auto&, v1::DeleteReferenceResponse* response) {
    response->set_remaining_references(7);
    return grpc::Status::OK;
  };
  Client client = ConnectedClient();
  EXPECT_EQ(client.Compare({})->distance(), 1);
  EXPECT_EQ(client.Embed({})->embedding(0), 2);
  EXPECT_EQ(client.Enroll({})->reference_count(), 3);
  EXPECT_EQ(client.GetPerson({})->person().person_id(), "4");
  EXPECT_EQ(client.ListPersons({})->next_page_token(), "5");
  EXPECT_EQ(client.DeletePerson({})->deleted_references(), 6);
  EXPECT_EQ(client.DeleteReference({})->remaining_references(), 7);
}

TEST_F(ClientTest, SendsAPhotoOfSixteenMebibytesAndLeavesItToTheServerToRefuseIt) {
  server_.service.embed = [](const auto&, v1::EmbedResponse*) { return grpc::Status::OK; };
  v1::EmbedRequest request;
  request.set_photo(std::string(16 << 20, 'x'));
  // The fake keeps gRPC's limit of 4 MiB. Its refusal carries no RetryInfo, so it comes at once and not after 20 s.
  const absl::Time start = absl::Now();
  const absl::Status status = ConnectedClient().Embed(request).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("larger than max"));
  EXPECT_LT(absl::Now() - start, absl::Seconds(10));
}

TEST_F(ClientTest, ReceivesAPageThatIsLargerThanFourMebibytes) {
  server_.service.list_persons = [](const auto&, v1::ListPersonsResponse* response) {
    response->set_next_page_token(std::string(5 << 20, 'x'));
    return grpc::Status::OK;
  };
  const absl::StatusOr<v1::ListPersonsResponse> response = ConnectedClient().ListPersons({});
  ASSERT_TRUE(response.ok()) << response.status();
}

TEST_F(ClientTest, CarriesTheReasonAndTheFieldOfAFailedCall) {
  server_.service.verify = [](const auto&, auto*) {
    return ToGrpcStatus({grpc::StatusCode::INVALID_ARGUMENT, "FIELD_INVALID", "an id is needed", "person_id", {}});
  };
  const absl::Status status = ConnectedClient().Verify({}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(), "an id is needed");
  EXPECT_EQ(ErrorReasonOf(status), "FIELD_INVALID");
  EXPECT_EQ(ErrorNameOf(status), "FIELD_INVALID");
  EXPECT_EQ(ErrorFieldOf(status), "person_id");
}

TEST_F(ClientTest, HasNoReasonWhereTheServerSentNone) {
  server_.service.verify = [](const auto&, auto*) {
    return grpc::Status(grpc::StatusCode::INTERNAL, "broken", "these bytes are no google.rpc.Status");
  };
  const absl::Status status = ConnectedClient().Verify({}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_EQ(ErrorReasonOf(status), "");
  EXPECT_EQ(ErrorNameOf(status), "INTERNAL");
  EXPECT_EQ(ErrorFieldOf(status), "");
}

TEST_F(ClientTest, GivesUpWhenTheTimeIsUp) {
  server_.service.verify = [](const auto&, auto*) {
    absl::SleepFor(absl::Seconds(1));
    return grpc::Status::OK;
  };
  const absl::Time start = absl::Now();
  const absl::Status status = ClientWithTimeout(absl::Milliseconds(100)).Verify({}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_LT(absl::Now() - start, absl::Milliseconds(900));
}

TEST(ClientWithoutServerTest, ReportsThatTheServerCannotBeReached) {
  Client client({.target = "127.0.0.1:1", .timeout = absl::Seconds(20)});
  const absl::Status status = client.Verify({}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ErrorNameOf(status), "UNAVAILABLE");
}

grpc::Status Overloaded(absl::Duration retry_delay) {
  return ToGrpcStatus({grpc::StatusCode::RESOURCE_EXHAUSTED, "OVERLOADED", "come again", "", retry_delay});
}

TEST_F(ClientTest, ComesAgainNoSoonerThanAnOverloadedServerAsks) {
  std::atomic<int> calls = 0;
  server_.service.verify = [&](const auto&, auto*) {
    return ++calls <= 2 ? Overloaded(absl::Milliseconds(150)) : grpc::Status::OK;
  };
  const absl::Time start = absl::Now();
  const absl::StatusOr<v1::VerifyResponse> response = ConnectedClient().Verify({});
  EXPECT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(calls, 3);
  EXPECT_GE(absl::Now() - start, absl::Milliseconds(300));
}

TEST_F(ClientTest, DoesNotWaitForAnOverloadedServerBeyondItsTime) {
  std::atomic<int> calls = 0;
  server_.service.verify = [&](const auto&, auto*) {
    ++calls;
    return Overloaded(absl::Seconds(30));
  };
  const absl::Time start = absl::Now();
  const absl::Status status = ConnectedClient().Verify({}).status();
  EXPECT_EQ(ErrorReasonOf(status), "OVERLOADED");
  EXPECT_EQ(calls, 1);
  EXPECT_LT(absl::Now() - start, absl::Seconds(10));
}

TEST_F(ClientTest, ComesLessOftenToAServerThatAsksForNoWait) {
  std::atomic<int> calls = 0;
  server_.service.verify = [&](const auto&, auto*) {
    ++calls;
    return Overloaded(absl::ZeroDuration());
  };
  EXPECT_EQ(ErrorReasonOf(ClientWithTimeout(absl::Seconds(1)).Verify({}).status()), "OVERLOADED");
  EXPECT_GE(calls, 3);
  EXPECT_LE(calls, 7);  // waits of 20, 40, 80, … ms and more: at most seven calls in a second
}

TEST_F(ClientTest, DoesNotRepeatOtherErrors) {
  std::atomic<int> calls = 0;
  server_.service.verify = [&](const auto&, auto*) {
    ++calls;
    return ToGrpcStatus({grpc::StatusCode::UNAVAILABLE, "STORE_FAILED", "the store failed", "", {}});
  };
  EXPECT_EQ(ErrorReasonOf(ConnectedClient().Verify({}).status()), "STORE_FAILED");
  EXPECT_EQ(calls, 1);
}

TEST_F(ClientTest, IsUsedFromManyThreadsAtOnce) {
  server_.service.verify = [](const v1::VerifyRequest& request, v1::VerifyResponse* response) {
    response->set_reference_id(request.person_id());
    return grpc::Status::OK;
  };
  Client client = ConnectedClient();
  std::vector<std::jthread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&client, t] {
      for (int i = 0; i < 20; ++i) {
        v1::VerifyRequest request;
        request.set_person_id(std::to_string(100 * t + i));
        const absl::StatusOr<v1::VerifyResponse> response = client.Verify(request);
        ASSERT_TRUE(response.ok()) << response.status();
        EXPECT_EQ(response->reference_id(), request.person_id());
      }
    });
  }
}

TEST_F(ClientTest, AsksForTheHealthOfTheServer) {
  Client client = ConnectedClient();
  EXPECT_EQ(client.Health("")->status(), HealthCheckResponse::SERVING);
  server_.SetServing(false);
  EXPECT_EQ(client.Health("")->status(), HealthCheckResponse::NOT_SERVING);
  EXPECT_EQ(client.Health("no.such.Service").status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace likeness
