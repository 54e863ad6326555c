#include "server/hashing/sha256.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/escaping.h"

namespace likeness {
namespace {

std::string Hex(const Sha256Digest& digest) {
  return absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(digest.data()), digest.size()));
}

Sha256Digest DigestOf(const std::vector<std::string>& fields) {
  FieldHasher hasher;
  for (const std::string& field : fields) hasher.Add(field);
  return hasher.Finish();
}

// The examples of NIST's "Secure Hash Standard" test vectors: no bytes, "abc", and 448 bits.
TEST(Sha256Test, MakesTheDigestsOfTheStandardsExamples) {
  EXPECT_EQ(Hex(Sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Hex(Sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Hex(Sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(FieldHasherTest, PrecedesEachFieldByItsLength) {
  EXPECT_EQ(DigestOf({"ab", "c"}), Sha256("2:ab1:c"));
  EXPECT_EQ(DigestOf({}), Sha256(""));
}

TEST(FieldHasherTest, TellsListsApartWhoseFieldsJoinToTheSameBytes) {
  const std::vector<std::vector<std::string>> lists = {{"ab", "c"}, {"a", "bc"}, {"abc"},     {"abc", ""},
                                                       {"", "abc"}, {},          {"2:ab1:c"}, {std::string("\0", 1)}};
  for (size_t i = 0; i < lists.size(); ++i) {
    for (size_t j = 0; j < i; ++j) EXPECT_NE(DigestOf(lists[i]), DigestOf(lists[j])) << i << " and " << j;
  }
}

}  // namespace
}  // namespace likeness
