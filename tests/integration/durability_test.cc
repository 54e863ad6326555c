// An Enroll that was answered survives `kill -9`.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/integration/photos.h"
#include "tests/integration/server_process.h"

namespace likeness {
namespace {

constexpr int kPersons = 1000;
constexpr int kKillAfter = 930;  // acknowledged enrolments, during the last hundred
constexpr int kCallers = 4;

std::string PersonId(int number) { return absl::StrCat("person-", number); }
std::string PhotoOf(int number) { return SingleFacePhotos()[static_cast<size_t>(number) % SingleFacePhotos().size()]; }

// Runs `work` for 0…kPersons − 1 on kCallers threads, each with a connection of its own.
template <typename Work>
void ForEachPerson(const ServerProcess& server, Work work) {
  std::atomic<int> next{0};
  std::vector<std::thread> callers;
  for (int i = 0; i < kCallers; ++i) {
    callers.emplace_back([&] {
      Client client(server.Connect(), {.target = "", .timeout = absl::Seconds(60)});
      for (int number = next++; number < kPersons; number = next++) work(client, number);
    });
  }
  for (std::thread& caller : callers) caller.join();
}

TEST(DurabilityTest, EveryAcknowledgedEnrolmentIsThereAndVerifiesAfterAKill) {
  const TemporaryFolder folder;
  std::map<std::string, std::string> photos;
  for (const std::string& name : SingleFacePhotos()) photos[name] = Photo(name);
  auto server = ServerProcess::Start({.folder = folder.path(), .flags = {}});
  ASSERT_TRUE(server.ok()) << server.status();

  std::mutex mutex;
  std::map<int, std::string> acknowledged;  // person → reference id
  int lost = 0;                             // enrolments without an answer
  bool killed = false;
  ForEachPerson(**server, [&](Client& client, int number) {
    v1::EnrollRequest request;
    request.set_person_id(PersonId(number));
    request.add_photos(photos.at(PhotoOf(number)));
    {
      const std::lock_guard<std::mutex> lock(mutex);
      if (killed) return;
    }
    const absl::StatusOr<v1::EnrollResponse> response = client.Enroll(request);
    const std::lock_guard<std::mutex> lock(mutex);
    if (response.ok()) {
      acknowledged[number] = response->references(0).reference_id();
    } else {
      ++lost;
    }
    if (acknowledged.size() >= kKillAfter && !killed) {
      killed = true;
      (*server)->Kill();  // while the other callers' enrolments are in flight
    }
  });
  ASSERT_GE(acknowledged.size(), static_cast<size_t>(kKillAfter));
  ASSERT_GE(lost, 1) << "the kill interrupted nothing";

  server = ServerProcess::Start({.folder = folder.path(), .flags = {}});
  ASSERT_TRUE(server.ok()) << server.status();
  std::atomic<int> verified{0};
  ForEachPerson(**server, [&](Client& client, int number) {
    const auto found = acknowledged.find(number);
    if (found == acknowledged.end()) return;
    v1::VerifyRequest request;
    request.set_person_id(PersonId(number));
    request.set_photo(photos.at(PhotoOf(number)));
    const absl::StatusOr<v1::VerifyResponse> response = client.Verify(request);
    if (response.ok() && response->verified() && response->reference_id() == found->second) ++verified;
  });
  EXPECT_EQ(verified, static_cast<int>(acknowledged.size()));

  // What was not acknowledged is wholly there or not at all: no person without a reference.
  Client client({.target = (*server)->target()});
  v1::ListPersonsRequest request;
  request.set_page_size(1000);
  const absl::StatusOr<v1::ListPersonsResponse> listed = client.ListPersons(request);
  ASSERT_TRUE(listed.ok()) << listed.status();
  EXPECT_GE(listed->persons_size(), static_cast<int>(acknowledged.size()));
  for (const v1::Person& person : listed->persons()) EXPECT_EQ(person.references_size(), 1);
}

}  // namespace
}  // namespace likeness
