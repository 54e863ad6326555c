#include "client/cli/table.h"

#include "gtest/gtest.h"

namespace likeness {
namespace {

TEST(TableTest, AlignsItsColumns) {
  EXPECT_EQ(FormatTable({{" ", "NAME", "VERSION"}, {"*", "mobilefacenet", "1"}, {" ", "b"}}),
            "   NAME           VERSION\n"
            "*  mobilefacenet  1\n"
            "   b\n");
}

TEST(TableTest, IsEmptyWithoutRows) { EXPECT_EQ(FormatTable({}), ""); }

}  // namespace
}  // namespace likeness
