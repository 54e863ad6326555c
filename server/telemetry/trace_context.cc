#include "server/telemetry/trace_context.h"

#include <algorithm>

namespace likeness {
namespace {

// 00-TRACEID-PARENTID-01
constexpr size_t kTraceIdAt = 3, kTraceIdSize = 32, kParentIdAt = 36, kParentIdSize = 16, kFlagsAt = 53, kSize = 55;

bool IsLowerHex(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool IsId(absl::string_view text) { return IsLowerHex(text) && text.find_first_not_of('0') != text.npos; }

}  // namespace

std::optional<TraceContext> ParseTraceparent(absl::string_view value) {
  if (value.size() < kSize || value[kTraceIdAt - 1] != '-' || value[kParentIdAt - 1] != '-' ||
      value[kFlagsAt - 1] != '-') {
    return std::nullopt;
  }
  const absl::string_view version = value.substr(0, 2), trace_id = value.substr(kTraceIdAt, kTraceIdSize),
                          parent_id = value.substr(kParentIdAt, kParentIdSize), flags = value.substr(kFlagsAt, 2);
  if (!IsLowerHex(version) || version == "ff" || !IsId(trace_id) || !IsId(parent_id) || !IsLowerHex(flags)) {
    return std::nullopt;
  }
  // Later versions may say more behind another dash.
  if (value.size() > kSize && (version == "00" || value[kSize] != '-')) return std::nullopt;
  return TraceContext{std::string(trace_id), std::string(parent_id)};
}

}  // namespace likeness
