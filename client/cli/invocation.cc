#include "client/cli/invocation.h"

#include <ostream>

#include "google/protobuf/util/json_util.h"
#include "nlohmann/json.hpp"

namespace likeness {

void Invocation::PrintJson(const google::protobuf::Message& response) {
  google::protobuf::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  options.preserve_proto_field_names = true;
  std::string line;
  if (google::protobuf::util::MessageToJsonString(response, &line, options).ok()) {
    console.out << line << '\n';
  } else {
    console.out.setstate(std::ios::failbit);  // the caller turns unwritten answers into an error
  }
}

ExitCode Invocation::Finish(const absl::StatusOr<ExitCode>& result) {
  if (result.ok()) return *result;
  return Fail(ErrorNameOf(result.status()), std::string(result.status().message()), ErrorFieldOf(result.status()));
}

ExitCode Invocation::Fail(const std::string& reason, const std::string& message, const std::string& field) {
  if (json) {
    nlohmann::ordered_json error = {{"reason", reason}, {"message", message}};
    if (!field.empty()) error["field"] = field;
    const nlohmann::ordered_json line = {{"error", error}};
    console.err << line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
  } else {
    console.err << "error: " << reason << ": " << message << (field.empty() ? "" : " (" + field + ")") << '\n';
  }
  return kExitError;
}

}  // namespace likeness
