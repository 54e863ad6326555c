#include "client/model_file.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "server/files/files.h"
#include "server/hashing/sha256.h"

namespace likeness {
namespace {

std::string HexDigestOf(absl::string_view bytes) {
  const Sha256Digest digest = Sha256(bytes);
  return absl::BytesToHexString({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

}  // namespace

absl::StatusOr<int64_t> ExportModelToFile(ModelClient& client, const std::string& digest, const std::string& path,
                                          std::stop_token stop) {
  v1::ExportModelRequest request;
  request.set_digest(digest);
  std::string bytes;
  const absl::Status exported = client.ExportModel(
      request,
      [&bytes](absl::string_view piece) {
        absl::StrAppend(&bytes, piece);
        return absl::OkStatus();
      },
      std::move(stop));
  if (!exported.ok()) return exported;
  if (const std::string arrived = HexDigestOf(bytes); arrived != digest) {
    return absl::DataLossError(absl::StrCat("the ", bytes.size(), " bytes that arrived have the SHA-256 ", arrived,
                                            ", and the model has ", digest));
  }
  if (const absl::Status written = ReplaceFile(path, bytes); !written.ok()) return written;
  return static_cast<int64_t>(bytes.size());
}

}  // namespace likeness
