#include "server/access/access.h"

#include <openssl/crypto.h>

#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "server/errors/errors.h"
#include "server/telemetry/log.h"

namespace likeness {
namespace {

constexpr absl::string_view kScheme = "bearer ";

absl::Status Wrong(const std::string& path, absl::string_view why) {
  return absl::FailedPreconditionError(absl::StrCat("token file ", path, ": ", why));
}

}  // namespace

Access::Access(std::string path, std::function<absl::Time()> now, ScoresPolicy scores)
    : now_(std::move(now)), scores_(scores), file_(std::move(path)) {}

std::unique_ptr<Access> Access::Open(bool scores) {
  return std::unique_ptr<Access>(new Access("", nullptr, scores ? ScoresPolicy::kOn : ScoresPolicy::kOff));
}

absl::StatusOr<std::unique_ptr<Access>> Access::ByTokens(const std::string& path, std::function<absl::Time()> now,
                                                         ScoresPolicy scores) {
  std::unique_ptr<Access> access(new Access(path, std::move(now), scores));
  const absl::StatusOr<Entries> entries = access->Current();
  if (!entries.ok()) return Wrong(path, entries.status().message());
  if ((*entries)->empty()) return Wrong(path, "it has no token; `likeness tokens add` makes one");
  return access;
}

absl::StatusOr<Access::Entries> Access::Current() {
  absl::MutexLock lock(&mutex_);
  const absl::StatusOr<std::optional<std::string>> text = file_.ReadIfChanged(now_());
  if (text.ok() && !text->has_value()) return entries_;
  absl::StatusOr<std::vector<TokenEntry>> entries = text.ok() ? ParseTokenFile(**text) : text.status();
  if (entries.ok()) {
    const bool first = entries_ == nullptr;
    entries_ = std::make_shared<const std::vector<TokenEntry>>(*std::move(entries));
    if (!first) Log(LogLevel::kInfo, "tokens_read", {{"tokens", entries_->size()}});
    return entries_;
  }
  if (entries_ == nullptr) return entries.status();
  Log(LogLevel::kError, "tokens_not_read",
      {{"message", std::string(Wrong(file_.path(), entries.status().message()).message())}});
  return entries_;
}

absl::StatusOr<Caller> Access::Authorize(absl::string_view authorization, Scope scope) {
  if (now_ == nullptr)
    return Caller{.name = "", .activates = true, .scores = scores_ == ScoresPolicy::kOn, .limits = {}};
  if (authorization.empty()) return MakeError(Reason::TOKEN_MISSING, "the call has no bearer token");
  if (!absl::StartsWithIgnoreCase(authorization, kScheme)) {
    return MakeError(Reason::TOKEN_INVALID, "the authorization is not a bearer token");
  }
  authorization.remove_prefix(kScheme.size());
  const Sha256Digest hash = Sha256(authorization);
  const absl::StatusOr<Entries> entries = Current();
  if (!entries.ok()) return entries.status();
  const TokenEntry* found = nullptr;
  // All of them, each in the same time: how long it takes tells nothing about any hash.
  for (const TokenEntry& entry : **entries) {
    if (CRYPTO_memcmp(entry.hash.data(), hash.data(), hash.size()) == 0) found = &entry;
  }
  if (found == nullptr) return MakeError(Reason::TOKEN_INVALID, "the token is not known");
  if (found->expires <= now_()) return MakeError(Reason::TOKEN_EXPIRED, "the token has expired");
  if (!found->scopes.contains(scope)) {
    return MakeError(Reason::SCOPE_MISSING, absl::StrCat("the token does not have the scope ", ScopeName(scope)));
  }
  const bool scores =
      scores_ == ScoresPolicy::kAuto ? found->scopes.contains(Scope::kScores) : scores_ == ScoresPolicy::kOn;
  const bool admin = found->scopes.contains(Scope::kAdmin);
  return Caller{.name = found->name, .admin = admin, .activates = admin, .scores = scores, .limits = found->limits};
}

}  // namespace likeness
