#include "server/protection/master_keys.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "server/errors/errors.h"
#include "server/hashing/sha256.h"
#include "server/telemetry/log.h"

namespace likeness {
namespace {

// What a wrapped key is bound to.
std::string OwnerOf(absl::string_view person_id) { return absl::StrCat("key of ", person_id); }

std::string IdOf(const SecretKey& key) {
  FieldHasher hasher;
  hasher.Add("likeness master key");
  hasher.Add(key.bytes());
  const Sha256Digest digest = hasher.Finish();
  return std::string(digest.begin(), digest.begin() + MasterKeys::kIdBytes);
}

std::optional<SecretKey> ParseKey(absl::string_view hex) {
  const bool digits =
      std::all_of(hex.begin(), hex.end(), [](char c) { return absl::ascii_isxdigit(static_cast<unsigned char>(c)); });
  if (!digits || hex.size() != 2 * SecretKey::kBytes) return std::nullopt;
  return SecretKey::FromBytes(absl::HexStringToBytes(hex));
}

absl::Status Wrong(absl::string_view source, absl::string_view why) {
  return absl::FailedPreconditionError(absl::StrCat("master keys of ", source, ": ", why));
}

absl::Status MissingKey(absl::string_view id) {
  return MakeError(Reason::MASTER_KEY_MISSING,
                   absl::StrCat("the gallery needs the master key ", absl::BytesToHexString(id),
                                ", which this server was not given"));
}

std::string WrapWith(const MasterKey& master, const SecretKey& key, absl::string_view person_id) {
  const Sealed sealed = Seal(master.key, OwnerOf(person_id), key.bytes());
  return absl::StrCat(master.id, sealed.ciphertext, sealed.proof);
}

}  // namespace

absl::StatusOr<std::vector<MasterKey>> ParseMasterKeys(absl::string_view text) {
  std::vector<MasterKey> keys;
  int number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    line = absl::StripAsciiWhitespace(line);
    if (line.empty() || line.front() == '#') continue;
    const std::optional<SecretKey> key = ParseKey(line);
    if (!key.has_value()) {
      return absl::InvalidArgumentError(absl::StrCat("line ", number, ": a key must be 64 hex digits"));
    }
    std::string id = IdOf(*key);
    for (const MasterKey& earlier : keys) {
      if (earlier.id == id) return absl::InvalidArgumentError(absl::StrCat("line ", number, ": the key comes twice"));
    }
    keys.push_back({std::move(id), *key});
  }
  if (keys.empty()) return absl::InvalidArgumentError("there is no key; `likeness keys add` makes one");
  return keys;
}

std::string MakeMasterKeyLine() { return absl::StrCat(absl::BytesToHexString(SecretKey::Random().bytes()), "\n"); }

absl::StatusOr<std::unique_ptr<MasterKeys>> MasterKeys::FromFile(const std::string& path) {
  auto file = std::make_unique<SecretFile>(path);
  const absl::StatusOr<std::optional<std::string>> text = file->ReadIfChanged(absl::Now());
  if (!text.ok()) return Wrong(path, text.status().message());
  absl::StatusOr<std::vector<MasterKey>> keys = ParseMasterKeys(**text);
  if (!keys.ok()) return Wrong(path, keys.status().message());
  std::unique_ptr<MasterKeys> result(new MasterKeys(std::move(file)));
  absl::MutexLock lock(&result->mutex_);
  result->keys_ = std::make_shared<const std::vector<MasterKey>>(*std::move(keys));
  return result;
}

absl::StatusOr<std::unique_ptr<MasterKeys>> MasterKeys::FromText(absl::string_view text, absl::string_view source) {
  absl::StatusOr<std::vector<MasterKey>> keys = ParseMasterKeys(text);
  if (!keys.ok()) return Wrong(source, keys.status().message());
  std::unique_ptr<MasterKeys> result(new MasterKeys(nullptr));
  absl::MutexLock lock(&result->mutex_);
  result->keys_ = std::make_shared<const std::vector<MasterKey>>(*std::move(keys));
  return result;
}

MasterKeys::Keys MasterKeys::Current() {
  absl::MutexLock lock(&mutex_);
  if (file_ == nullptr) return keys_;
  const absl::StatusOr<std::optional<std::string>> text = file_->ReadIfChanged(absl::Now());
  if (text.ok() && !text->has_value()) return keys_;
  absl::StatusOr<std::vector<MasterKey>> keys = text.ok() ? ParseMasterKeys(**text) : text.status();
  if (keys.ok()) {
    keys_ = std::make_shared<const std::vector<MasterKey>>(*std::move(keys));
    Log(LogLevel::kInfo, "master_keys_read", {{"keys", keys_->size()}});
  } else {
    Log(LogLevel::kError, "master_keys_not_read",
        {{"message", std::string(Wrong(file_->path(), keys.status().message()).message())}});
  }
  return keys_;
}

const MasterKey* MasterKeys::Find(const std::vector<MasterKey>& keys, absl::string_view wrapped) {
  const auto found =
      std::find_if(keys.begin(), keys.end(), [id = IdIn(wrapped)](const MasterKey& key) { return key.id == id; });
  return found == keys.end() ? nullptr : &*found;
}

std::string MasterKeys::Wrap(const SecretKey& key, absl::string_view person_id) {
  return WrapWith(Current()->front(), key, person_id);
}

absl::StatusOr<std::string> MasterKeys::WrapLike(absl::string_view like, const SecretKey& key,
                                                 absl::string_view person_id) {
  const Keys keys = Current();
  const MasterKey* master = Find(*keys, like);
  if (master == nullptr) return MissingKey(IdIn(like));
  return WrapWith(*master, key, person_id);
}

absl::StatusOr<SecretKey> MasterKeys::Unwrap(absl::string_view wrapped, absl::string_view person_id) {
  const auto damaged = [] { return MakeError(Reason::STORE_CORRUPT, "a person's stored key is damaged"); };
  if (wrapped.size() != kIdBytes + SecretKey::kBytes + Sealed::kProofBytes) return damaged();
  const Keys keys = Current();
  const MasterKey* master = Find(*keys, wrapped);
  if (master == nullptr) return MissingKey(IdIn(wrapped));
  const std::optional<std::string> bytes =
      Unseal(master->key, OwnerOf(person_id), wrapped.substr(kIdBytes, SecretKey::kBytes),
             wrapped.substr(kIdBytes + SecretKey::kBytes));
  std::optional<SecretKey> key = bytes.has_value() ? SecretKey::FromBytes(*bytes) : std::nullopt;
  if (!key.has_value()) return damaged();
  return *key;
}

bool MasterKeys::IsCurrent(absl::string_view wrapped) { return Current()->front().id == IdIn(wrapped); }

bool MasterKeys::Knows(absl::string_view wrapped) { return Find(*Current(), wrapped) != nullptr; }

}  // namespace likeness
