// The server, and its database, are killed at random moments, again and again: what was acknowledged is there, what was
// not is wholly there or not at all, and the gallery opens every time.
//
// A short run by default; LIKENESS_TORTURE_KILLS=200 is the long one (make torture).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/call_status.h"
#include "client/model_client.h"
#include "server/seal/seal.h"
#include "tests/integration/photos.h"
#include "tests/integration/server_process.h"
#include "tests/support/postgres_server.h"

namespace likeness {
namespace {

constexpr int kShortRun = 8;
constexpr int kCallers = 3;
constexpr int kPersonsEach = 4;
constexpr char kPhoto[] = "cage2_crop.jpg";  // small: 3 ms

int Kills() {
  int kills = 0;
  const char* wish = std::getenv("LIKENESS_TORTURE_KILLS");
  return wish != nullptr && absl::SimpleAtoi(wish, &kills) ? kills : kShortRun;
}

// What is known of a person whom one caller alone enrols and deletes.
struct Person {
  std::string id;
  std::set<std::string> references = {};  // acknowledged
  // A call whose answer was lost; none: everything is known.
  std::optional<v1::EnrollRequest> open_enrolment = {};
  std::optional<std::string> open_deletion = {};  // of this reference; of the person where it is empty
};

class Torture {
 public:
  // On SQLite without `postgres`.
  Torture(PostgresServer* postgres, unsigned seed)
      : flags_(FlagsFor(folder_.path(), postgres)),
        postgres_(postgres),
        random_(seed),
        bundle_(ReadFile(kOtherBundle)) {
    other_ = VerifySeal(bundle_)->Hex();
    for (int caller = 0; caller < kCallers; ++caller) {
      for (int i = 0; i < kPersonsEach; ++i) persons_[caller].push_back({.id = absl::StrCat("p", caller, "-", i)});
    }
  }

  void Run(int kills) {
    for (int kill = 0; kill < kills && !testing::Test::HasFailure(); ++kill) {
      SCOPED_TRACE(absl::StrCat("kill ", kill));
      Start();
      if (testing::Test::HasFatalFailure()) return;
      Check();
      Live(absl::Milliseconds(std::uniform_int_distribution<int>(20, 500)(random_)), /*kill_database=*/kill % 4 == 3);
    }
    Start();
    Check();
    RecordProperty("acknowledged_calls", acknowledged_);
    RecordProperty("lost_answers", lost_);
    std::cout << kills << " kills, " << acknowledged_ << " acknowledged changes, " << lost_ << " lost answers\n";
  }

 private:
  static constexpr char kOtherBundle[] = LIKENESS_MODELS_DIR "/mobilefacenet-512.pt";

  static std::vector<std::string> FlagsFor(const std::string& folder, PostgresServer* postgres) {
    std::vector<std::string> flags = {"--log-level=warning", "--duplicates=off",
                                      absl::StrCat("--models-folder=", folder, "/models")};
    if (postgres != nullptr) flags.push_back("--gallery=" + postgres->NewGallery());
    return flags;
  }

  static void RecordProperty(const char* name, int value) { testing::Test::RecordProperty(name, value); }

  void Start() {
    auto started = ServerProcess::Start({.folder = folder_.path(), .flags = flags_});
    ASSERT_TRUE(started.ok()) << "the gallery opens every time: " << started.status();
    server_ = *std::move(started);
    if (base_.empty()) {
      std::ofstream(folder_.path() + "/models/" + other_ + ".pt", std::ios::binary) << bundle_;
      ModelClient models({.target = server_->target()});
      base_ = models.ListModels({})->models(0).model().digest();
      v1::AllowModelRequest allow;
      allow.set_digest(other_);
      ASSERT_TRUE(models.AllowModel(allow).ok());
    }
  }

  // Calls until the server is killed.
  void Live(absl::Duration life, bool kill_database) {
    dead_ = false;
    std::vector<std::thread> callers;
    for (int caller = 0; caller < kCallers; ++caller) {
      callers.emplace_back([this, caller, seed = random_()] { Call(persons_[caller], seed); });
    }
    callers.emplace_back([this] { Activate(); });
    absl::SleepFor(life);
    if (kill_database && postgres_ != nullptr) postgres_->Kill();
    server_->Kill();
    dead_ = true;
    for (std::thread& caller : callers) caller.join();
    if (kill_database && postgres_ != nullptr) {
      ASSERT_TRUE(postgres_->StartAgain());
    }
  }

  void Call(std::vector<Person>& persons, unsigned seed) {
    std::mt19937 random(seed);
    Client client(server_->Connect(), {.target = "", .timeout = absl::Seconds(10)});
    while (!dead_) {
      Person& person = persons[random() % persons.size()];
      if (person.open_enrolment.has_value() || person.open_deletion.has_value()) continue;
      const unsigned what = random() % 10;
      if (what < 6 && person.references.size() < 8) {
        Enrol(client, person, /*photos=*/1 + static_cast<int>(random() % 2), absl::StrCat(random(), "-", random()));
      } else if (what < 8 && !person.references.empty()) {
        DeleteReference(client, person);
      } else if (!person.references.empty()) {
        DeletePerson(client, person);
      }
    }
  }

  void Enrol(Client& client, Person& person, int photos, const std::string& request_id) {
    v1::EnrollRequest request;
    request.set_person_id(person.id);
    request.set_request_id(request_id);
    request.set_allow_mismatch(true);
    for (int i = 0; i < photos; ++i) request.add_photos(photo_);
    const auto response = client.Enroll(request);
    if (!Acknowledged(response.status())) {
      person.open_enrolment = request;
      return;
    }
    for (const v1::Reference& reference : response->references()) person.references.insert(reference.reference_id());
  }

  void DeleteReference(Client& client, Person& person) {
    v1::DeleteReferenceRequest request;
    request.set_person_id(person.id);
    request.set_reference_id(*person.references.begin());
    if (!Acknowledged(client.DeleteReference(request).status())) {
      person.open_deletion = request.reference_id();
      return;
    }
    person.references.erase(request.reference_id());
  }

  void DeletePerson(Client& client, Person& person) {
    v1::DeletePersonRequest request;
    request.set_person_id(person.id);
    if (!Acknowledged(client.DeletePerson(request).status())) {
      person.open_deletion = "";
      return;
    }
    person.references.clear();
  }

  // False for an answer that was lost with the server.
  bool Acknowledged(const absl::Status& status) {
    const std::lock_guard<std::mutex> lock(mutex_);
    ++(status.ok() ? acknowledged_ : lost_);
    EXPECT_TRUE(status.ok() || status.code() == absl::StatusCode::kUnavailable) << status;
    return status.ok();
  }

  void Activate() {
    ModelClient models({.target = server_->target()});
    v1::ActivateModelRequest request;
    while (!dead_) {
      request.set_digest(request.digest() == other_ ? base_ : other_);
      models.ActivateModel(request, nullptr).IgnoreError();
    }
  }

  // Holds the gallery against what is known, and settles what was not.
  void Check() {
    Client client({.target = server_->target(), .timeout = absl::Seconds(30)});
    std::map<std::string, std::set<std::string>> found;
    v1::ListPersonsRequest list;
    list.set_page_size(1000);
    const auto listed = client.ListPersons(list);
    ASSERT_TRUE(listed.ok()) << listed.status();
    for (const v1::Person& person : listed->persons()) {
      for (const v1::Reference& reference : person.references()) {
        found[person.person_id()].insert(reference.reference_id());
      }
    }
    for (std::vector<Person>& persons : persons_) {
      for (Person& person : persons) Settle(client, person, found[person.id]);
    }
  }

  void Settle(Client& client, Person& person, const std::set<std::string>& found) {
    SCOPED_TRACE(person.id);
    if (person.open_enrolment.has_value()) {
      const size_t added = static_cast<size_t>(person.open_enrolment->photos_size());
      EXPECT_TRUE(std::includes(found.begin(), found.end(), person.references.begin(), person.references.end()));
      EXPECT_TRUE(found.size() == person.references.size() || found.size() == person.references.size() + added)
          << "all photos of the request or none";
      const auto repeated = client.Enroll(*person.open_enrolment);
      ASSERT_TRUE(repeated.ok()) << repeated.status();
      EXPECT_EQ(repeated->replayed(), found.size() != person.references.size());
      EXPECT_EQ(repeated->reference_count(), static_cast<int>(person.references.size() + added));
      for (const v1::Reference& reference : repeated->references()) {
        person.references.insert(reference.reference_id());
        EXPECT_TRUE(!repeated->replayed() || found.contains(reference.reference_id()));
      }
      person.open_enrolment.reset();
    } else if (person.open_deletion.has_value()) {
      std::set<std::string> after = person.references;
      if (person.open_deletion->empty()) {
        after.clear();
      } else {
        after.erase(*person.open_deletion);
      }
      EXPECT_TRUE(found == person.references || found == after) << "wholly deleted or not at all";
      person.references = found;
      person.open_deletion.reset();
    } else {
      EXPECT_EQ(found, person.references);
    }
    if (person.references.empty()) return;
    v1::VerifyRequest verify;
    verify.set_person_id(person.id);
    verify.set_photo(photo_);
    const auto verified = client.Verify(verify);
    ASSERT_TRUE(verified.ok()) << verified.status();
    EXPECT_TRUE(verified->verified());
  }

  const TemporaryFolder folder_;
  const std::vector<std::string> flags_;
  PostgresServer* const postgres_;
  std::mt19937 random_;
  const std::string photo_ = Photo(kPhoto);
  const std::string bundle_;
  std::string base_, other_;
  std::unique_ptr<ServerProcess> server_;
  std::vector<Person> persons_[kCallers];
  std::atomic<bool> dead_ = false;
  std::mutex mutex_;
  int acknowledged_ = 0;
  int lost_ = 0;
};

unsigned Seed() {
  const unsigned seed = std::random_device()();
  std::cout << "seed " << seed << '\n';
  return seed;
}

TEST(TortureTest, SqliteLosesNothingThatWasAcknowledged) { Torture(nullptr, Seed()).Run(Kills()); }

TEST(TortureTest, PostgresLosesNothingThatWasAcknowledged) {
  const std::unique_ptr<PostgresServer> postgres = PostgresServer::Start();
  if (postgres == nullptr) GTEST_SKIP() << "PostgreSQL is not installed";
  Torture(postgres.get(), Seed()).Run(Kills());
}

}  // namespace
}  // namespace likeness
