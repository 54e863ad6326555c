// Reads the fields of a bundle's likeness.json, and names the field when one is missing or wrong.
//
//   ManifestReader reader(json_text);
//   const int width = reader.PositiveInt("input.width");
//   const double margin = reader.PositiveNumber("margin");
//   if (!reader.status().ok()) return reader.status();
//
// The first error sticks; reads after it return zero values. Not thread-safe.
#ifndef LIKENESS_SERVER_INFERENCE_MANIFEST_READER_H_
#define LIKENESS_SERVER_INFERENCE_MANIFEST_READER_H_

#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace likeness {

class ManifestReader {
 public:
  explicit ManifestReader(absl::string_view json_text);
  explicit ManifestReader(nlohmann::json object);

  // OK, or FAILED_PRECONDITION naming the first field that was missing or wrong.
  const absl::Status& status() const { return status_; }

  // Fields are named by dotted paths.

  // Whether there is such a field, and it is not null. Records no error.
  bool Has(absl::string_view path) const;
  std::string Text(absl::string_view path);
  bool Flag(absl::string_view path);
  double Number(absl::string_view path);
  double PositiveNumber(absl::string_view path);
  // A whole number, 1 to `most`.
  int PositiveInt(absl::string_view path, int most = std::numeric_limits<int>::max());
  // A list of exactly `count` numbers, each above zero when `positive`.
  std::vector<double> Numbers(absl::string_view path, size_t count, bool positive);
  // A list of objects.
  std::vector<nlohmann::json> Objects(absl::string_view path);

  // Records that a field has a value that cannot be used.
  void Reject(absl::string_view path, absl::string_view why);

 private:
  // Null where there is no such field.
  const nlohmann::json* Look(absl::string_view path) const;
  // The same, and records the error.
  const nlohmann::json* Find(absl::string_view path);

  nlohmann::json root_;
  absl::Status status_;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_INFERENCE_MANIFEST_READER_H_
