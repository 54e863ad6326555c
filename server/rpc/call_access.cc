#include "server/rpc/call_access.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/errors/errors.h"

namespace likeness {
namespace {

// docs/security.md has them too.
constexpr std::pair<absl::string_view, Scope> kScopes[] = {
    {"Verify", Scope::kVerify},        {"Compare", Scope::kVerify},         {"Embed", Scope::kVerify},
    {"Enroll", Scope::kEnroll},        {"GetPerson", Scope::kEnroll},       {"ListPersons", Scope::kEnroll},
    {"DeletePerson", Scope::kEnroll},  {"DeleteReference", Scope::kEnroll}, {"Train", Scope::kTrain},
    {"GetTraining", Scope::kTrain},    {"ListTrainings", Scope::kTrain},    {"WatchTraining", Scope::kTrain},
    {"CancelTraining", Scope::kTrain}, {"ListModels", Scope::kAdmin},       {"GetModel", Scope::kAdmin},
    {"ActivateModel", Scope::kAdmin},  {"DeleteModel", Scope::kAdmin},      {"ExportModel", Scope::kAdmin},
    {"ExportPerson", Scope::kAdmin},   {"RotateKeys", Scope::kAdmin},
};

}  // namespace

absl::StatusOr<std::string> AuthorizeCall(const grpc::ServerContextBase& context, absl::string_view method,
                                          Access& access) {
  const auto* named = std::find_if(std::begin(kScopes), std::end(kScopes),
                                   [method](const auto& entry) { return entry.first == method; });
  if (named == std::end(kScopes)) return MakeError(Reason::INTERNAL, absl::StrCat("no scope for ", method));
  const auto [first, last] = context.client_metadata().equal_range("authorization");
  if (first == last) return access.Authorize("", named->second);
  if (std::next(first) != last) return MakeError(Reason::TOKEN_INVALID, "the call has several authorizations");
  return access.Authorize(absl::string_view(first->second.data(), first->second.size()), named->second);
}

}  // namespace likeness
