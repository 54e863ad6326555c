#include "server/gallery/sql_encryption.h"

#include <set>
#include <variant>

#include "absl/strings/str_cat.h"
#include "server/errors/errors.h"
#include "server/gallery/sql_rows.h"
#include "server/gallery/sql_values.h"
#include "server/telemetry/log.h"

namespace likeness {
namespace {

void WriteState(SqlSession& session, EncryptionState state) {
  session.Change("UPDATE gallery SET encrypted = $1", {static_cast<int64_t>(state)});
}

void WriteKeyMark(SqlSession& session, absl::string_view key_mark) {
  session.Change("UPDATE gallery SET key_mark = $1", {Bytes(key_mark)});
}

bool AnybodyInPlaintext(SqlSession& session) {
  return !session.Run("SELECT person_id FROM person WHERE data_key IS NULL LIMIT 1").empty();
}

absl::Status CannotOpen(absl::string_view why) {
  return absl::FailedPreconditionError(absl::StrCat("the gallery is encrypted", why));
}

}  // namespace

EncryptionRow SqlEncryption::ReadRow(SqlSession& session) {
  const SqlRow row = session.Run("SELECT encrypted, key_mark FROM gallery").at(0);
  EncryptionRow result{static_cast<EncryptionState>(IntegerIn(row[0])), OptionalBytesIn(row[1])};
  if (result.state == EncryptionState::kEncrypted) seen_encrypted_ = true;
  return result;
}

absl::Status SqlEncryption::CheckKeys(SqlSession& session) {
  const EncryptionRow row = ReadRow(session);
  if (!protection_->encrypts()) {
    if (row.state == EncryptionState::kPlain) return absl::OkStatus();
    return CannotOpen(": its master keys are needed");
  }
  if (row.key_mark.has_value()) {
    const absl::Status mark = protection_->CheckKeyMark(*row.key_mark);
    if (ReasonOf(mark) == Reason::MASTER_KEY_MISSING) {
      return CannotOpen(" with a master key that this server was not given");
    }
    if (!mark.ok()) return CannotOpen(", and the mark of its master key is damaged; restore it from a backup");
  }
  std::set<std::string> masters;
  for (const SqlRow& person : session.Run("SELECT DISTINCT substr(data_key, 1, 8) FROM person")) {
    const Blob* name = std::get_if<Blob>(&person[0]);
    if (name == nullptr) continue;
    if (!protection_->CanRead(name->bytes)) return CannotOpen(" with a master key that this server was not given");
    masters.insert(name->bytes);
  }
  must_begin_ = row.state == EncryptionState::kPlain || !row.key_mark.has_value();
  // Only by the key that wraps here too: another one is the operator's to rotate to.
  unfinished_.rotation = row.key_mark.has_value() && protection_->IsCurrent(*row.key_mark) &&
                         (masters.size() > 1 || (masters.size() == 1 && !protection_->IsCurrent(*masters.begin())));
  unfinished_.encryption = row.state != EncryptionState::kEncrypted;
  return absl::OkStatus();
}

absl::Status SqlEncryption::Begin(SqlSession& session) {
  // Anew: another server may have been first, with other keys.
  if (absl::Status status = CheckKeys(session); !status.ok() || !must_begin_) return status;
  const EncryptionRow row = ReadRow(session);
  if (!row.key_mark.has_value()) WriteKeyMark(session, protection_->NewKeyMark());
  if (row.state == EncryptionState::kEncrypted) return absl::OkStatus();  // who is in plaintext there is a forgery
  unfinished_.encryption = AnybodyInPlaintext(session);
  WriteState(session, unfinished_.encryption ? EncryptionState::kRunning : EncryptionState::kEncrypted);
  return absl::OkStatus();
}

absl::Status SqlEncryption::CheckMayWrite(SqlSession& session) {
  if (absl::Status status = CheckMayFollow(session); !status.ok() || !protection_->encrypts()) return status;
  const EncryptionRow row = ReadRow(session);
  if (row.state == EncryptionState::kPlain) {
    return MakeError(Reason::STORE_FAILED,
                     "the gallery is not encrypted, though it was when this server opened it; was it restored? "
                     "Restart the server, which encrypts it");
  }
  return row.key_mark.has_value() ? protection_->CheckKeyMark(*row.key_mark) : absl::OkStatus();
}

absl::Status SqlEncryption::CheckMayFollow(SqlSession& session) {
  if (protection_->encrypts() || ReadRow(session).state == EncryptionState::kPlain) return absl::OkStatus();
  constexpr char kMessage[] =
      "another server has encrypted this gallery or is doing so; this one has no master key and may not write any "
      "more: restart it with --master-key-file";
  if (!logged_.exchange(true)) Log(LogLevel::kError, "master_key_missing", {{"message", kMessage}});
  return MakeError(Reason::MASTER_KEY_MISSING, kMessage);
}

absl::StatusOr<std::optional<std::string>> SqlEncryption::NewPersonKey(SqlSession& session,
                                                                       absl::string_view person_id) {
  if (!protection_->encrypts()) return std::nullopt;
  return NewPersonKey(person_id, ReadRow(session));
}

absl::StatusOr<std::optional<std::string>> SqlEncryption::NewPersonKey(absl::string_view person_id,
                                                                       const EncryptionRow& row) const {
  if (!row.key_mark.has_value()) return protection_->NewPersonKey(person_id);
  absl::StatusOr<std::string> key = protection_->NewPersonKey(person_id, *row.key_mark);
  if (!key.ok()) return key.status();
  return *std::move(key);
}

absl::StatusOr<PersonCipher> SqlEncryption::CipherFor(SqlSession& session, absl::string_view person_id,
                                                      const std::optional<std::string>& key) {
  const bool in_plaintext = protection_->encrypts() && !key.has_value();
  if (in_plaintext && !seen_encrypted_ && ReadRow(session).state == EncryptionState::kRunning) {
    return Protection::PlaintextCipherFor(person_id);
  }
  return protection_->CipherFor(person_id, key);
}

absl::StatusOr<PersonCipher> SqlEncryption::CipherToAdd(SqlSession& session, absl::string_view person_id,
                                                        const std::optional<std::string>& key) {
  const bool in_plaintext = protection_->encrypts() && !key.has_value();
  if (in_plaintext && !seen_encrypted_) {
    if (const EncryptionRow row = ReadRow(session); row.state == EncryptionState::kRunning) {
      return EncryptPerson(session, person_id, row);
    }
  }
  return protection_->CipherFor(person_id, key);
}

absl::StatusOr<PersonCipher> SqlEncryption::EncryptPerson(SqlSession& session, absl::string_view person_id,
                                                          const EncryptionRow& row) {
  const absl::StatusOr<std::optional<std::string>> key = NewPersonKey(person_id, row);
  if (!key.ok()) return key.status();
  absl::StatusOr<PersonCipher> cipher = protection_->CipherFor(person_id, *key);
  if (!cipher.ok()) return cipher.status();
  EncryptContents(session, person_id, Protection::PlaintextCipherFor(person_id), *cipher);
  SetPersonKey(session, person_id, **key);
  return cipher;
}

absl::StatusOr<KeyRotation> SqlEncryption::EncryptPersons(SqlSession& session, absl::string_view after, int limit) {
  KeyRotation page;
  const EncryptionRow row = ReadRow(session);
  if (!protection_->encrypts() || row.state != EncryptionState::kRunning || seen_encrypted_) return page;
  for (const SqlRow& person :
       session.Run("SELECT person_id FROM person WHERE data_key IS NULL AND person_id > $1 ORDER BY person_id LIMIT $2",
                   {Text(after), int64_t{limit}})) {
    page.last = TextIn(person[0]);
    const absl::StatusOr<PersonCipher> cipher = EncryptPerson(session, page.last, row);
    if (!cipher.ok()) return cipher.status();
    ++page.changed;
  }
  if (page.last.empty() && after.empty()) WriteState(session, EncryptionState::kEncrypted);
  return page;
}

absl::StatusOr<int64_t> SqlEncryption::PersonsToEncrypt(SqlSession& session) {
  if (!protection_->encrypts() || ReadRow(session).state != EncryptionState::kRunning || seen_encrypted_) return 0;
  return IntegerIn(session.Run("SELECT count(*) FROM person WHERE data_key IS NULL").at(0)[0]);
}

absl::StatusOr<KeyRotation> SqlEncryption::RotateKeys(SqlSession& session, absl::string_view after, int limit) {
  KeyRotation page;
  if (!protection_->encrypts()) return page;
  EncryptionRow row = ReadRow(session);
  // First, so that from now on nobody who is enrolled, anywhere, is left behind.
  if (after.empty() && (!row.key_mark.has_value() || !protection_->IsCurrent(*row.key_mark))) {
    row.key_mark = protection_->NewKeyMark();
    WriteKeyMark(session, *row.key_mark);
  }
  for (const auto& [person_id, key] : ReadPersonKeys(session, after, limit)) {
    page.last = person_id;
    ++page.seen;
    const absl::StatusOr<std::optional<std::string>> rewrapped =
        protection_->Rewrap(person_id, key, row.key_mark.value_or(""));
    if (ReasonOf(rewrapped.status()) == Reason::STORE_CORRUPT) {
      ++page.damaged;
      continue;
    }
    if (!rewrapped.ok()) return rewrapped.status();
    if (!rewrapped->has_value()) continue;
    SetPersonKey(session, person_id, **rewrapped);
    ++page.changed;
  }
  return page;
}

}  // namespace likeness
