// Any bytes as a token file and as a master key file.
#include <string>

#include "server/access/token_file.h"
#include "server/protection/master_keys.h"
#include "tests/fuzz/fuzz_target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace likeness;  // NOLINT(google-build-using-namespace)
  const absl::string_view text = TextOf(data, size);
  if (const auto entries = ParseTokenFile(text); entries.ok()) {
    std::string written;
    for (const TokenEntry& entry : *entries) {
      Promise(!entry.name.empty() && !entry.scopes.empty(), "a token has a name and a scope");
      written += FormatTokenEntry(entry);
    }
    const auto again = ParseTokenFile(written);
    Promise(again.ok() && again->size() == entries->size(), "a token file can be written and read");
    for (size_t i = 0; i < entries->size(); ++i) {
      Promise((*again)[i].name == (*entries)[i].name && (*again)[i].hash == (*entries)[i].hash &&
                  (*again)[i].scopes == (*entries)[i].scopes && (*again)[i].expires <= (*entries)[i].expires,
              "what is read again allows no more");
    }
  }
  if (const auto keys = ParseMasterKeys(text); keys.ok()) Promise(!keys->empty(), "a key file has a key");
  return 0;
}
