#include "server/gallery_opener.h"

#include <utility>

#include "server/gallery/postgres_database.h"
#include "server/gallery/sql_store.h"
#include "server/gallery/sqlite_database.h"
#include "server/protection/protection.h"

namespace likeness {
namespace {

absl::StatusOr<std::shared_ptr<const Protection>> MakeProtection(const MasterKeySource& source) {
  if (source.file.empty() && source.text.empty()) return Protection::Plaintext();
  absl::StatusOr<std::unique_ptr<MasterKeys>> keys =
      source.file.empty() ? MasterKeys::FromText(source.text, kMasterKeyVariable) : MasterKeys::FromFile(source.file);
  if (!keys.ok()) return keys.status();
  return std::make_shared<const Protection>(*std::move(keys));
}

absl::StatusOr<std::unique_ptr<SqlDatabase>> OpenDatabase(const ServerConfig& config, Metrics& metrics) {
  if (config.postgres.url.empty()) {
    return SqliteDatabase::Open(config.gallery_path,
                                {[&metrics] { metrics.SetGalleryLost(true); },
                                 [&metrics](int64_t deletions) { metrics.SetPendingErasures(deletions); }});
  }
  return PostgresDatabase::Open(config.postgres);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Gallery>> OpenGallery(const ServerConfig& config, Metrics& metrics) {
  absl::StatusOr<std::shared_ptr<const Protection>> protection = MakeProtection(config.master_key);
  if (!protection.ok()) return protection.status();
  absl::StatusOr<std::unique_ptr<SqlDatabase>> database = OpenDatabase(config, metrics);
  if (!database.ok()) return database.status();
  absl::StatusOr<std::unique_ptr<SqlStore>> store = SqlStore::Open(*std::move(database), *std::move(protection));
  if (!store.ok()) return store.status();
  return Gallery::Open(*std::move(store), config.gallery, metrics);
}

}  // namespace likeness
