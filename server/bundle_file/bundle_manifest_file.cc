#include "server/bundle_file/bundle_manifest_file.h"

#include <zip.h>

#include <memory>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/seal/seal.h"

namespace likeness {
namespace {

constexpr char kManifestName[] = "/extra/likeness.json";  // below the archive's own folder
constexpr zip_uint64_t kMaxManifestBytes = 8 << 20;  // measured ones take half a megabyte; a packed one may claim any
constexpr zip_uint16_t kFirstOfJanuary1980 = 0x21;   // as PyTorch dates its records

struct CloseFile {
  void operator()(zip_file_t* file) const { zip_fclose(file); }
};

absl::Status Failed(absl::string_view what, absl::string_view why) {
  return absl::FailedPreconditionError(absl::StrCat("the bundle's archive ", what, ": ", why));
}

// A zip archive in memory that can be changed.
class MemoryArchive {
 public:
  static absl::StatusOr<std::unique_ptr<MemoryArchive>> Open(absl::string_view bytes) {
    auto archive = std::unique_ptr<MemoryArchive>(new MemoryArchive);
    zip_error_t error;
    zip_error_init(&error);
    archive->source_ = zip_source_buffer_create(bytes.data(), bytes.size(), /*freep=*/0, &error);
    if (archive->source_ != nullptr) archive->zip_ = zip_open_from_source(archive->source_, ZIP_CHECKCONS, &error);
    const std::string why = archive->zip_ == nullptr ? zip_error_strerror(&error) : "";
    zip_error_fini(&error);
    if (archive->zip_ == nullptr) return Failed("cannot be read", why);
    zip_source_keep(archive->source_);  // it holds the result after the archive is closed
    return archive;
  }

  MemoryArchive(const MemoryArchive&) = delete;
  MemoryArchive& operator=(const MemoryArchive&) = delete;

  ~MemoryArchive() {
    if (zip_ != nullptr) zip_discard(zip_);
    if (source_ != nullptr) zip_source_free(source_);
  }

  absl::StatusOr<zip_uint64_t> FindManifest() {
    for (zip_int64_t i = 0; i < zip_get_num_entries(zip_, 0); ++i) {
      const char* name = zip_get_name(zip_, static_cast<zip_uint64_t>(i), ZIP_FL_ENC_RAW);
      if (name != nullptr && absl::EndsWith(name, kManifestName)) return static_cast<zip_uint64_t>(i);
    }
    return Failed("is no bundle's", "it holds no likeness.json");
  }

  absl::StatusOr<std::string> Read(zip_uint64_t entry) {
    zip_stat_t stat;
    const std::unique_ptr<zip_file_t, CloseFile> file(zip_fopen_index(zip_, entry, 0));
    if (file == nullptr || zip_stat_index(zip_, entry, 0, &stat) != 0) return Failed("cannot be read", Error());
    if (stat.size > kMaxManifestBytes) return Failed("cannot be read", "its likeness.json is too large");
    std::string text(stat.size, '\0');
    if (zip_fread(file.get(), text.data(), text.size()) != static_cast<zip_int64_t>(text.size())) {
      return Failed("cannot be read", Error());
    }
    return text;
  }

  // `text` must outlive Finish().
  absl::Status Replace(zip_uint64_t entry, absl::string_view text) {
    zip_source_t* source = zip_source_buffer(zip_, text.data(), text.size(), /*freep=*/0);
    if (source == nullptr || zip_file_replace(zip_, entry, source, 0) != 0) {
      zip_source_free(source);
      return Failed("cannot be changed", Error());
    }
    if (zip_set_file_compression(zip_, entry, ZIP_CM_STORE, 0) != 0 ||
        zip_file_set_dostime(zip_, entry, 0, kFirstOfJanuary1980, 0) != 0 ||
        zip_set_archive_comment(zip_, nullptr, 0) != 0) {
      return Failed("cannot be changed", Error());
    }
    return absl::OkStatus();
  }

  // The changed archive's bytes.
  absl::StatusOr<std::string> Finish() {
    if (zip_close(zip_) != 0) return Failed("cannot be written", Error());
    zip_ = nullptr;
    zip_stat_t stat;
    if (zip_source_stat(source_, &stat) != 0 || zip_source_open(source_) != 0) {
      return Failed("cannot be written", "its bytes are lost");
    }
    std::string bytes(stat.size, '\0');
    const zip_int64_t read = zip_source_read(source_, bytes.data(), bytes.size());
    zip_source_close(source_);
    if (read != static_cast<zip_int64_t>(bytes.size())) return Failed("cannot be written", "its bytes are lost");
    return bytes;
  }

 private:
  MemoryArchive() = default;

  std::string Error() { return zip_strerror(zip_); }

  zip_t* zip_ = nullptr;
  zip_source_t* source_ = nullptr;
};

absl::StatusOr<std::unique_ptr<MemoryArchive>> OpenSealed(absl::string_view bundle) {
  if (const auto digest = VerifySeal(bundle); !digest.ok()) return digest.status();
  return MemoryArchive::Open(bundle);
}

}  // namespace

absl::StatusOr<std::string> ReadBundleManifest(absl::string_view bundle) {
  const auto archive = OpenSealed(bundle);
  if (!archive.ok()) return archive.status();
  const absl::StatusOr<zip_uint64_t> entry = (*archive)->FindManifest();
  if (!entry.ok()) return entry.status();
  return (*archive)->Read(*entry);
}

absl::StatusOr<std::string> ReplaceBundleManifest(absl::string_view bundle, absl::string_view manifest) {
  const auto archive = OpenSealed(bundle);
  if (!archive.ok()) return archive.status();
  const absl::StatusOr<zip_uint64_t> entry = (*archive)->FindManifest();
  if (!entry.ok()) return entry.status();
  if (absl::Status status = (*archive)->Replace(*entry, manifest); !status.ok()) return status;
  absl::StatusOr<std::string> bytes = (*archive)->Finish();
  if (!bytes.ok()) return bytes.status();
  return SealArchive(*std::move(bytes));
}

}  // namespace likeness
