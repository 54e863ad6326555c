#include "server/rpc/call_admission.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/errors/errors.h"

namespace likeness {
namespace {

// docs/security.md has them too.
constexpr std::pair<absl::string_view, Scope> kScopes[] = {
    {"Verify", Scope::kVerify},         {"Compare", Scope::kVerify},         {"Embed", Scope::kEmbed},
    {"Enroll", Scope::kEnroll},         {"GetPerson", Scope::kEnroll},       {"ListPersons", Scope::kEnroll},
    {"DeletePerson", Scope::kEnroll},   {"DeleteReference", Scope::kEnroll}, {"Train", Scope::kTrain},
    {"GetTraining", Scope::kTrain},     {"ListTrainings", Scope::kTrain},    {"WatchTraining", Scope::kTrain},
    {"CancelTraining", Scope::kTrain},  {"ListModels", Scope::kAdmin},       {"GetModel", Scope::kAdmin},
    {"ActivateModel", Scope::kAdmin},   {"DeleteModel", Scope::kAdmin},      {"ExportModel", Scope::kAdmin},
    {"ExportPerson", Scope::kAdmin},    {"RotateKeys", Scope::kAdmin},       {"AllowModel", Scope::kAdmin},
    {"AddMeasurements", Scope::kAdmin}, {"GetOperation", Scope::kAdmin},     {"ListOperations", Scope::kAdmin},
    {"CancelOperation", Scope::kAdmin}, {"WaitOperation", Scope::kAdmin},
};

// The address without the port, which is another one for each connection.
absl::string_view HostOf(absl::string_view peer) {
  return absl::StartsWith(peer, "ipv4:") || absl::StartsWith(peer, "ipv6:") ? peer.substr(0, peer.rfind(':')) : peer;
}

absl::StatusOr<Caller> Authorize(const grpc::ServerContextBase& context, absl::string_view method, Access& access) {
  const auto* named = std::find_if(std::begin(kScopes), std::end(kScopes),
                                   [method](const auto& entry) { return entry.first == method; });
  if (named == std::end(kScopes)) return MakeError(Reason::INTERNAL, absl::StrCat("no scope for ", method));
  const auto [first, last] = context.client_metadata().equal_range("authorization");
  if (first == last) return access.Authorize("", named->second);
  if (std::next(first) != last) return MakeError(Reason::TOKEN_INVALID, "the call has several authorizations");
  return access.Authorize(absl::string_view(first->second.data(), first->second.size()), named->second);
}

}  // namespace

absl::StatusOr<Caller> CallAdmission::Admit(const grpc::ServerContextBase& context, absl::string_view method) {
  absl::StatusOr<Caller> caller = Authorize(context, method, access_);
  if (!caller.ok()) return caller;
  CallerLimits& limits = caller->limits;
  if (!limits.calls_per_second.has_value()) limits.calls_per_second = limits_.calls_per_second;
  if (!limits.max_persons.has_value()) limits.max_persons = limits_.max_persons;
  caller->address = std::string(HostOf(context.peer()));
  if (limits.calls_per_second.has_value()) {
    if (absl::Status status = rates_.Take(caller->who(), *limits.calls_per_second); !status.ok()) return status;
  }
  return caller;
}

}  // namespace likeness
