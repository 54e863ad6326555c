// The random walk of one server on an SQLite gallery, with backups of the file.
#ifndef LIKENESS_TESTS_INTEGRATION_WALK_SQLITE_WALK_H_
#define LIKENESS_TESTS_INTEGRATION_WALK_SQLITE_WALK_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/integration/walk/walk.h"

namespace likeness {

class SqliteWalk : public Walk {
 public:
  explicit SqliteWalk(const WalkOptions& options) : Walk(options) {}

 protected:
  absl::Status Open() override;
  int servers() const override { return server_ == nullptr ? 0 : 1; }
  WalkServer& server(int) override { return *server_; }
  std::vector<int> Healthy() override;
  std::vector<int> CutOff() override { return {}; }
  Disturbance NextDisturbance() override;
  absl::Status Repair(bool all) override;
  // All that is under way ends with the server.
  int64_t AwaitQuiet() override { return acknowledged(); }
  bool SpecialStep() override;

 private:
  struct Backup {
    std::string path;
    ExpectedGallery state;
    int64_t acknowledged = 0;
  };

  // How the gallery's file may be lost while the server runs.
  enum class Loss { kRemoved, kReplaced, kCopiedOver };

  void BackUp();
  // Starts the server where the backup was put in the gallery's place, and puts it there in the documented way where
  // the server refuses to start on it.
  void StartOnBackup();
  bool RestoredAsDocumented();
  void LoseFile(Loss loss);
  // Of somebody who would be welcome if the file were there.
  Change LateEnrolment() const;

  std::unique_ptr<WalkServer> server_;
  std::optional<Backup> backup_;
};

}  // namespace likeness

#endif  // LIKENESS_TESTS_INTEGRATION_WALK_SQLITE_WALK_H_
