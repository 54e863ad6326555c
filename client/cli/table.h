// Rows of short texts in columns.
#ifndef LIKENESS_CLIENT_CLI_TABLE_H_
#define LIKENESS_CLIENT_CLI_TABLE_H_

#include <string>
#include <vector>

namespace likeness {

// The rows, each a line, their columns as wide as the widest text (in bytes) and two spaces apart. Rows may be of
// different lengths.
std::string FormatTable(const std::vector<std::vector<std::string>>& rows);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_CLI_TABLE_H_
