// What an id, a token or a name from outside must be before a store sees it.
//
//   if (absl::Status status = CheckId("person_id", request.person_id(), kNewId); !status.ok()) return status;
#ifndef LIKENESS_SERVER_IDS_CHECK_ID_H_
#define LIKENESS_SERVER_IDS_CHECK_ID_H_

#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace likeness {

inline constexpr size_t kMaxIdBytes = 128;

// All ids are UTF-8 without NUL: some databases can store nothing else.
struct IdRule {
  size_t min_bytes = 1;
  size_t max_bytes = kMaxIdBytes;
  // Whether to refuse what changes how a terminal or a page shows the text around it: control characters (C0, DEL, C1),
  // line and paragraph separators, marks, embeddings, overrides and isolates of writing direction.
  bool printable = true;
};

// Of an id that a call brings into the gallery.
inline constexpr IdRule kNewId{};
// Of an id that may be in the gallery: earlier versions let more in, and whoever is there must be found and deleted.
inline constexpr IdRule kKnownId{.printable = false};

// OK, or FIELD_INVALID that names `field` and says what is wrong. Never repeats the id. Thread-safe.
absl::Status CheckId(absl::string_view field, absl::string_view id, const IdRule& rule);

}  // namespace likeness

#endif  // LIKENESS_SERVER_IDS_CHECK_ID_H_
