// Text and pictures inside HTML and SVG.
#ifndef LIKENESS_CLIENT_TRAINING_MARKUP_H_
#define LIKENESS_CLIENT_TRAINING_MARKUP_H_

#include <string>

#include "absl/strings/string_view.h"

namespace likeness {

// The text as HTML and SVG show it, in an element or in an attribute's quotes; control characters, which neither may
// contain, become U+FFFD. Every text that comes from a file's name, a photo's owner or a server has to pass through it.
std::string EscapeMarkup(absl::string_view text);

// The bytes of a photo as a data: URI that a browser shows, or an empty string for a file whose name does not end like
// that of a JPEG, PNG or WebP file.
std::string PhotoUri(absl::string_view file_name, absl::string_view bytes);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_TRAINING_MARKUP_H_
