#include "server/access/access.h"

#include <openssl/crypto.h>
#include <sys/stat.h>

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "server/errors/errors.h"
#include "server/files/files.h"
#include "server/telemetry/log.h"

namespace likeness {
namespace {

constexpr absl::Duration kBetweenLooks = absl::Seconds(1);
constexpr absl::string_view kScheme = "bearer ";

absl::Status Wrong(const std::string& path, absl::string_view why) {
  return absl::FailedPreconditionError(absl::StrCat("token file ", path, ": ", why));
}

}  // namespace

std::unique_ptr<Access> Access::Open() { return std::unique_ptr<Access>(new Access("", nullptr)); }

absl::StatusOr<std::unique_ptr<Access>> Access::ByTokens(const std::string& path, std::function<absl::Time()> now) {
  std::unique_ptr<Access> access(new Access(path, std::move(now)));
  const absl::StatusOr<Stamp> stamp = StampOf(path);
  if (!stamp.ok()) return stamp.status();
  absl::StatusOr<Entries> entries = Read(path);
  if (!entries.ok()) return entries.status();
  if ((*entries)->empty()) return Wrong(path, "it has no token; `likeness tokens add` makes one");
  absl::MutexLock lock(&access->mutex_);
  access->looked_ = access->now_();
  access->stamp_ = *stamp;
  access->entries_ = *std::move(entries);
  return access;
}

absl::StatusOr<Access::Stamp> Access::StampOf(const std::string& path) {
  struct stat status;
  if (stat(path.c_str(), &status) != 0) return Wrong(path, "it cannot be opened");
  // The group may read: a secret that an orchestrator mounts belongs to root and the container's group.
  if ((status.st_mode & (S_IWGRP | S_IRWXO)) != 0) {
    return Wrong(path, "others than its owner may change it, or others than its group read it; chmod 600 it");
  }
  std::error_code error;
  const Stamp stamp{std::filesystem::last_write_time(path, error), static_cast<uintmax_t>(status.st_size),
                    static_cast<uint64_t>(status.st_ino)};
  if (error) return Wrong(path, "it cannot be opened");
  return stamp;
}

absl::StatusOr<Access::Entries> Access::Read(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadWholeFile(path);
  if (!text.ok()) return Wrong(path, "it cannot be read");
  absl::StatusOr<std::vector<TokenEntry>> entries = ParseTokenFile(*text);
  if (!entries.ok()) return Wrong(path, entries.status().message());
  return std::make_shared<const std::vector<TokenEntry>>(*std::move(entries));
}

Access::Entries Access::Current() {
  absl::MutexLock lock(&mutex_);
  const absl::Time now = now_();
  if (now - looked_ < kBetweenLooks && now >= looked_) return entries_;
  looked_ = now;
  const absl::StatusOr<Stamp> stamp = StampOf(path_);
  if (stamp.ok() && *stamp == stamp_) return entries_;
  absl::StatusOr<Entries> entries = stamp.ok() ? Read(path_) : stamp.status();
  if (entries.ok()) {
    stamp_ = *stamp;
    entries_ = *std::move(entries);
    Log(LogLevel::kInfo, "tokens_read", {{"tokens", entries_->size()}});
  } else {
    Log(LogLevel::kError, "tokens_not_read", {{"message", std::string(entries.status().message())}});
  }
  return entries_;
}

absl::StatusOr<std::string> Access::Authorize(absl::string_view authorization, Scope scope) {
  if (path_.empty()) return "";
  if (authorization.empty()) return MakeError(Reason::TOKEN_MISSING, "the call has no bearer token");
  if (!absl::StartsWithIgnoreCase(authorization, kScheme)) {
    return MakeError(Reason::TOKEN_INVALID, "the authorization is not a bearer token");
  }
  authorization.remove_prefix(kScheme.size());
  const Sha256Digest hash = Sha256(authorization);
  const Entries entries = Current();
  const TokenEntry* found = nullptr;
  // All of them, each in the same time: how long it takes tells nothing about any hash.
  for (const TokenEntry& entry : *entries) {
    if (CRYPTO_memcmp(entry.hash.data(), hash.data(), hash.size()) == 0) found = &entry;
  }
  if (found == nullptr) return MakeError(Reason::TOKEN_INVALID, "the token is not known");
  if (found->expires <= now_()) return MakeError(Reason::TOKEN_EXPIRED, "the token has expired");
  if (!found->scopes.contains(scope)) {
    return MakeError(Reason::SCOPE_MISSING, absl::StrCat("the token does not have the scope ", ScopeName(scope)));
  }
  return found->name;
}

}  // namespace likeness
