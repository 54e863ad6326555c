// Between the values of a database and those of the gallery. Private to gallery/.
//
// What reads a value throws an exception derived from std::exception when it is of another type.
#ifndef LIKENESS_SERVER_GALLERY_SQL_VALUES_H_
#define LIKENESS_SERVER_GALLERY_SQL_VALUES_H_

#include <algorithm>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <variant>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/gallery/sql.h"
#include "server/verification/embedding.h"

namespace likeness {

inline SqlValue Text(absl::string_view text) { return std::string(text); }

template <typename Bytes>
absl::string_view AsText(const Bytes& bytes) {
  return absl::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size() * sizeof(*bytes.data()));
}

inline SqlValue Bytes(absl::string_view bytes) { return Blob{std::string(bytes)}; }
inline SqlValue Digest(const ModelDigest& digest) { return Bytes(AsText(digest.bytes)); }
inline SqlValue OptionalDigest(const std::optional<ModelDigest>& digest) {
  return digest.has_value() ? Digest(*digest) : SqlValue();
}
inline SqlValue OptionalBytes(const std::optional<std::string>& bytes) {
  return bytes.has_value() ? Bytes(*bytes) : SqlValue();
}
inline SqlValue Micros(absl::Time time) { return absl::ToUnixMicros(time); }

inline bool IsNull(const SqlValue& value) { return std::holds_alternative<std::monostate>(value); }
inline int64_t IntegerIn(const SqlValue& value) { return std::get<int64_t>(value); }
inline const std::string& TextIn(const SqlValue& value) { return std::get<std::string>(value); }
inline const std::string& BytesIn(const SqlValue& value) { return std::get<Blob>(value).bytes; }
inline absl::Time TimeIn(const SqlValue& value) { return absl::FromUnixMicros(IntegerIn(value)); }
inline std::optional<int64_t> OptionalIntegerIn(const SqlValue& value) {
  return IsNull(value) ? std::nullopt : std::optional(IntegerIn(value));
}
inline std::optional<std::string> OptionalBytesIn(const SqlValue& value) {
  return IsNull(value) ? std::nullopt : std::optional(BytesIn(value));
}

// Throws for other than as many bytes as the array has.
template <typename Array>
Array ArrayIn(const SqlValue& value) {
  const std::string& bytes = BytesIn(value);
  Array array;
  if (bytes.size() != array.size()) throw std::runtime_error("a stored digest is damaged");
  std::copy(bytes.begin(), bytes.end(), array.begin());
  return array;
}

inline ModelDigest DigestIn(const SqlValue& value) { return {ArrayIn<decltype(ModelDigest::bytes)>(value)}; }
inline std::optional<ModelDigest> OptionalDigestIn(const SqlValue& value) {
  return IsNull(value) ? std::nullopt : std::optional(DigestIn(value));
}

}  // namespace likeness

#endif  // LIKENESS_SERVER_GALLERY_SQL_VALUES_H_
