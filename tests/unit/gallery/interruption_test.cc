// No interruption of anything that is done to a gallery, at any statement, leaves it half done, in any database.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/errors/errors.h"
#include "server/gallery/postgres_database.h"
#include "server/gallery/sql_store.h"
#include "server/gallery/sqlite_database.h"
#include "tests/support/faulty_database.h"
#include "tests/support/matchers.h"
#include "tests/support/postgres_server.h"
#include "tests/support/stores.h"
#include "tests/unit/gallery/store_conformance.h"

namespace likeness {

// Here for its made-up references only.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(StoreConformanceTest);

namespace {

// Opens the database of one gallery, as often as it is called; null where there is no such database on this machine.
using GalleryPlace = std::function<std::unique_ptr<SqlDatabase>()>;

struct Database {
  GalleryPlace (*new_place)();  // without a gallery
  int stride;                   // breaks off at every statement (1), or at every second, third… where each takes long
};

// Something that is done to a gallery, in one transaction or several.
struct Operation {
  std::string name;
  std::shared_ptr<const Protection> before, during;  // of the gallery as it was, and of the server that does it
  std::function<absl::Status(Store&)> act;           // may be repeated
  bool in_pages = false;                             // with the revision of all of them after the last one
};

constexpr EnrolmentLimits kMany = {.references = 1000};
constexpr char kKind[] = "arcface112";
constexpr int kPage = 1;  // so that what goes in pages takes several transactions

Enrolment WithCrops(Enrolment enrolment) {
  for (const ReferenceEmbedding& reference : enrolment.references) {
    enrolment.crops.push_back({kKind, absl::StrCat("the face of ", reference.reference_id)});
  }
  return enrolment;
}

// Three people, one of them with two references and without a remembered request.
void EnrolEverybody(Store& store) {
  const Enrolment ada = EnrolmentOf("ada", {ReferenceNamed("a1", 1), ReferenceNamed("a2", 2)});
  ASSERT_THAT(store.Enrol(WithCrops(ada), kMany), IsOk());
  for (const char* name : {"bob", "eve"}) {
    const Enrolment one = EnrolmentOf(name, {ReferenceNamed(absl::StrCat("of ", name))}, absl::StrCat("for ", name), 7);
    ASSERT_THAT(store.Enrol(WithCrops(one), kMany), IsOk());
  }
  ASSERT_THAT(store.AllowModel(ModelNamed(2)), IsOk());
}

absl::Status Encrypt(Store& store) {
  std::string after;
  while (true) {
    const absl::StatusOr<KeyRotation> page = store.EncryptPersons(after, kPage);
    if (!page.ok()) return page.status();
    if (page->last.empty() && after.empty()) return absl::OkStatus();
    after = page->last;
  }
}

absl::Status Rotate(Store& store) {
  std::string after;
  while (true) {
    const absl::StatusOr<KeyRotation> page = store.RotateKeys(after, kPage);
    if (!page.ok()) return page.status();
    if (page->last.empty()) return absl::OkStatus();
    after = page->last;
  }
}

absl::Status Embed(Store& store) {
  const auto page = store.Unembedded(ModelNamed(2), {kKind}, 0, 10);
  if (!page.ok()) return page.status();
  const std::vector<Embedding> embeddings(page->size(), Embedding{ModelNamed(2), {3, 4}});
  return store.AddEmbeddings(*page, embeddings);
}

// OK also where an attempt before it did it.
absl::Status Or(const absl::Status& status, Reason::Value done) {
  return ReasonOf(status) == done ? absl::OkStatus() : status;
}

const std::vector<Operation>& Operations() {
  static const auto* operations = new std::vector<Operation>{
      {"Encryption", Protection::Plaintext(), ProtectionBy(1), &Encrypt},
      {"KeyRotation", ProtectionBy(1), ProtectionBy({2, 1}), &Rotate},
      {"EnrolmentDuringEncryption", Protection::Plaintext(), ProtectionBy(1),
       [](Store& store) {
         const Enrolment more = WithCrops(EnrolmentOf("ada", {ReferenceNamed("a3")}, "more of ada", 8));
         return store.Enrol(more, kMany).status();
       }},
      {"Enrolment", ProtectionBy(1), ProtectionBy(1),
       [](Store& store) {
         const Enrolment one = WithCrops(EnrolmentOf("new", {ReferenceNamed("n1"), ReferenceNamed("n2")}, "new", 8));
         return store.Enrol(one, kMany).status();
       }},
      {"DeletePerson", ProtectionBy(1), ProtectionBy(1),
       [](Store& store) { return Or(store.DeletePerson("ada").status(), Reason::PERSON_NOT_FOUND); }},
      {"DeleteReference", ProtectionBy(1), ProtectionBy(1),
       [](Store& store) { return Or(store.DeleteReference("ada", "a1").status(), Reason::REFERENCE_NOT_FOUND); }},
      {"AddEmbeddings", ProtectionBy(1), ProtectionBy(1), &Embed},
      {"AddEmbeddingsDuringEncryption", Protection::Plaintext(), ProtectionBy(1), &Embed},
      {"DeleteEmbeddings", ProtectionBy(1), ProtectionBy(1),
       [](Store& store) { return store.DeleteEmbeddings(ModelNamed(1)).status(); }, /*in_pages=*/true},
      {"ModelChoice", ProtectionBy(1), ProtectionBy(1),
       [](Store& store) {
         return store.coordination()
             .BeginActivation({.model = ModelNamed(2), .base = ModelNamed(1)}, {"server", "host"})
             .status();
       }},
      {"AllowModel", ProtectionBy(1), ProtectionBy(1),
       [](Store& store) { return store.AllowModel(ModelNamed(3)).status(); }},
  };
  return *operations;
}

using InterruptionCase = std::tuple<Database, int>;

class InterruptionTest : public testing::TestWithParam<InterruptionCase> {
 protected:
  const Operation& operation() const { return Operations()[static_cast<size_t>(std::get<1>(GetParam()))]; }
};

std::string NameOf(const testing::TestParamInfo<InterruptionCase>& info) {
  return Operations()[static_cast<size_t>(std::get<1>(info.param))].name;
}

int64_t Number(SqlSession& session, const char* sql) { return std::get<int64_t>(session.Run(sql).at(0).at(0)); }

// Everything that a gallery holds, as its server shows it.
std::string ContentOf(Store& store) {
  std::vector<std::string> lines;
  const auto persons = store.ListPersons("", 100);
  EXPECT_THAT(persons, IsOk());
  if (!persons.ok()) return "";
  for (const PersonRecord& person : *persons) {
    const absl::StatusOr<PersonData> data = store.ReadPersonData(person.person_id);
    EXPECT_THAT(data, IsOk()) << person.person_id;
    EXPECT_THAT(store.References(person.person_id), IsOk()) << person.person_id;
    if (!data.ok()) continue;
    lines.push_back(absl::StrCat(person.person_id, ": ", absl::StrJoin(IdsOf(data->person.references), " "),
                                 "; requests ", absl::StrJoin(data->request_ids, " ")));
    for (const ReferenceEmbedding& embedding : data->embeddings) {
      lines.push_back(absl::StrCat("  ", embedding.reference_id, " ", embedding.embedding.model.Hex().substr(0, 2), " ",
                                   absl::StrJoin(embedding.embedding.values, ",")));
    }
    for (const ReferenceCrop& crop : data->crops) lines.push_back("  " + crop.reference_id + " " + crop.crop.picture);
  }
  const auto choice = store.coordination().ReadModelChoice();
  EXPECT_THAT(choice, IsOk());
  lines.push_back(absl::StrCat("target ", choice->target.has_value(), " allowed ",
                               store.IsModelAllowed(ModelNamed(3)).value_or(false)));
  return absl::StrJoin(lines, "\n");
}

// What holds in every gallery at any time; returns its revision.
int64_t CheckWhole(SqlDatabase& database) {
  int64_t revision = -1;
  EXPECT_THAT(database.Read([&](SqlSession& session) {
    EXPECT_EQ(Number(session, "SELECT persons FROM gallery"), Number(session, "SELECT count(*) FROM person"));
    EXPECT_EQ(Number(session, "SELECT face_references FROM gallery"),
              Number(session, "SELECT count(*) FROM face_reference"));
    const int64_t open = Number(session, "SELECT count(*) FROM person WHERE data_key IS NULL");
    const int64_t open_content = Number(session, "SELECT count(*) FROM embedding WHERE length(checksum) <> 28") +
                                 Number(session, "SELECT count(*) FROM crop WHERE length(checksum) <> 28");
    EXPECT_EQ(open == 0, open_content == 0) << "a person is encrypted with all that is kept of them";
    if (Number(session, "SELECT encrypted FROM gallery") == 2) {
      EXPECT_EQ(open, 0) << "a gallery that says it is encrypted";
    }
    revision = Number(session, "SELECT revision FROM gallery");
    return absl::OkStatus();
  }),
              IsOk());
  return revision;
}

struct Whole {
  std::string content;
  int64_t revision = 0;

  friend bool operator==(const Whole&, const Whole&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Whole& whole) {
    return out << "revision " << whole.revision << "\n" << whole.content;
  }
};

// Opens the gallery without faults.
Whole Look(const GalleryPlace& place, const Operation& operation) {
  const int64_t revision = CheckWhole(*place());
  const auto store = SqlStore::Open(place(), operation.during);
  EXPECT_THAT(store, IsOk());
  return store.ok() ? Whole{ContentOf(**store), revision} : Whole{};
}

// Does it in a new gallery, with faults; then finds everything whole, finishes it and finds it done.
void Interrupt(const GalleryPlace& place, const Operation& operation, const Whole& before, const Whole& after,
               FaultPlan& plan) {
  {
    const auto store = SqlStore::Open(place(), operation.before);
    ASSERT_THAT(store, IsOk());
    EnrolEverybody(**store);
  }
  {
    const std::shared_ptr<FaultPlan> shared(&plan, [](FaultPlan*) {});
    const auto store = SqlStore::Open(std::make_unique<FaultyDatabase>(place(), shared), operation.during);
    const absl::Status outcome = store.ok() ? operation.act(**store) : store.status();
    EXPECT_EQ(outcome.ok(), !plan.struck) << outcome;
  }
  std::unique_ptr<SqlDatabase> opened = place();
  SqlDatabase& database = *opened;
  const int64_t revision = CheckWhole(database);
  const auto store = SqlStore::Open(std::move(opened), operation.during);
  ASSERT_THAT(store, IsOk());
  const Whole found{ContentOf(**store), revision};
  if (operation.in_pages) {
    EXPECT_THAT(found.content, testing::AnyOf(before.content, after.content)) << "there is one page only";
  } else {
    EXPECT_THAT(found, testing::AnyOf(before, after));
  }
  EXPECT_THAT(operation.act(**store), IsOk());
  EXPECT_EQ(ContentOf(**store), after.content);
  EXPECT_THAT(Encrypt(**store), IsOk());
  EXPECT_EQ(ContentOf(**store), after.content);
  CheckWhole(database);
  EXPECT_THAT(database.Read([](SqlSession& session) {
    EXPECT_EQ(Number(session, "SELECT encrypted FROM gallery"), 2);
    return absl::OkStatus();
  }),
              IsOk());
}

TEST_P(InterruptionTest, AnywhereLeavesEverythingWhole) {
  const Database database = std::get<0>(GetParam());
  const GalleryPlace place = database.new_place();
  if (place == nullptr) GTEST_SKIP() << "there is no such database on this machine";
  Whole before;
  Whole after;
  int transactions = 0;
  {
    const auto store = SqlStore::Open(place(), operation().before);
    ASSERT_THAT(store, IsOk());
    EnrolEverybody(**store);
  }
  before = Look(place, operation());
  {
    auto plan = std::make_shared<FaultPlan>();
    const auto store = SqlStore::Open(std::make_unique<FaultyDatabase>(place(), plan), operation().during);
    ASSERT_THAT(store, IsOk());
    ASSERT_THAT(operation().act(**store), IsOk());
    transactions = plan->transactions;
  }
  after = Look(place, operation());
  int faults = 0;
  const auto interrupt = [&](Fault fault, int transaction, int statement) {
    FaultPlan plan{.fault = fault, .transaction = transaction, .statement = statement, .for_good = true};
    SCOPED_TRACE(
        absl::StrCat("fault ", static_cast<int>(fault), " of transaction ", transaction, " at statement ", statement));
    Interrupt(database.new_place(), operation(), before, after, plan);
    faults += plan.struck ? 1 : 0;
    return plan.struck && !HasFailure();
  };
  for (int transaction = 0; transaction <= transactions; ++transaction) {
    for (const Fault fault : {Fault::kFails, Fault::kCommitFails, Fault::kAnswerLost}) {
      interrupt(fault, transaction, 0);
      ASSERT_FALSE(HasFailure());
    }
    int statement = 0;
    while (interrupt(Fault::kBreaks, transaction, statement)) statement += database.stride;
    ASSERT_FALSE(HasFailure());
  }
  EXPECT_GE(faults, 4 * transactions) << "every transaction has a statement, and each was reached";
}

// In memory where there is such a folder: what is looked for here is not what a disk does.
GalleryPlace NewSqlitePlace() {
  const std::string base = std::filesystem::exists("/dev/shm") ? "/dev/shm" : "/tmp";
  std::string name = base + "/likeness-interruption-XXXXXX";
  if (mkdtemp(name.data()) == nullptr) return nullptr;
  const std::shared_ptr<const std::string> folder(new std::string(name), [](const std::string* path) {
    std::filesystem::remove_all(*path);
    delete path;
  });
  return [folder]() -> std::unique_ptr<SqlDatabase> {
    absl::StatusOr<std::unique_ptr<SqliteDatabase>> database = SqliteDatabase::Open(*folder + "/gallery.sqlite");
    EXPECT_THAT(database, IsOk());
    return database.ok() ? *std::move(database) : nullptr;
  };
}

GalleryPlace NewPostgresPlace() {
  static const std::unique_ptr<PostgresServer> server = PostgresServer::Start();
  if (server == nullptr) return nullptr;
  return [url = server->NewGallery()]() -> std::unique_ptr<SqlDatabase> {
    absl::StatusOr<std::unique_ptr<PostgresDatabase>> database =
        PostgresDatabase::Open({.url = url, .timeout = absl::Seconds(30)});
    EXPECT_THAT(database, IsOk());
    return database.ok() ? *std::move(database) : nullptr;
  };
}

INSTANTIATE_TEST_SUITE_P(Sqlite, InterruptionTest,
                         testing::Combine(testing::Values(Database{&NewSqlitePlace, 1}),
                                          testing::Range(0, static_cast<int>(Operations().size()))),
                         &NameOf);
INSTANTIATE_TEST_SUITE_P(Postgres, InterruptionTest,
                         testing::Combine(testing::Values(Database{&NewPostgresPlace, 7}),
                                          testing::Range(0, static_cast<int>(Operations().size()))),
                         &NameOf);

}  // namespace
}  // namespace likeness
