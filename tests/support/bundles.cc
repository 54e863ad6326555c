#include "tests/support/bundles.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "server/hashing/sha256.h"
#include "server/verification/embedding.h"

namespace likeness {
namespace {

constexpr absl::string_view kSealPrefix = "likeness-sha256:";
constexpr size_t kHexDigits = 64;

}  // namespace

std::string BodyOf(absl::string_view bundle) {
  return std::string(bundle.substr(0, bundle.size() - kSealPrefix.size() - kHexDigits));
}

std::string Seal(absl::string_view body) { return absl::StrCat(body, kSealPrefix, ModelDigest{Sha256(body)}.Hex()); }

std::string EditAndSeal(absl::string_view bundle, absl::string_view from, absl::string_view to) {
  std::string body = BodyOf(bundle);
  const size_t place = body.find(std::string(from));
  EXPECT_NE(place, std::string::npos) << from;
  EXPECT_EQ(from.size(), to.size());
  body.replace(place, from.size(), std::string(to));
  return Seal(body);
}

}  // namespace likeness
