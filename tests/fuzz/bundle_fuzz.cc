// Any bytes as a bundle, as the zip archive inside a well-sealed one, and as its likeness.json: all that is read of a
// bundle before LibTorch runs it, which docs/security.md says is the same as running a program.
#include <string>

#include "server/bundle_file/bundle_manifest_file.h"
#include "server/embedding/bundle.h"
#include "server/seal/seal.h"
#include "tests/fuzz/fuzz_target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace likeness;  // NOLINT(google-build-using-namespace)
  const absl::string_view bytes = TextOf(data, size);
  const bool sealed = VerifySeal(bytes).ok();
  Promise(sealed || !ReadBundleManifest(bytes).ok(), "nothing is read of a bundle without its seal");
  if (const absl::StatusOr<std::string> bundle = SealArchive(std::string(bytes)); bundle.ok()) {
    Promise(VerifySeal(*bundle).ok(), "a seal that was made fits");
    if (const absl::StatusOr<std::string> text = ReadBundleManifest(*bundle); text.ok()) {
      ParseBundleManifest(*text).status().IgnoreError();
    }
    const absl::StatusOr<std::string> other = ReplaceBundleManifest(*bundle, "{}");
    if (other.ok()) Promise(ReadBundleManifest(*other).value_or("") == "{}", "a manifest is read as it was written");
  }
  if (const absl::StatusOr<BundleManifest> manifest = ParseBundleManifest(bytes); manifest.ok()) {
    Promise(manifest->embedding_size > 0 && manifest->input_width > 0 && manifest->margin > 0,
            "a manifest's numbers are what networks can have");
  }
  return 0;
}
