#include "server/gallery/write_ahead_log.h"

#include <SQLiteCpp/SQLiteCpp.h>

#include <filesystem>
#include <fstream>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace likeness {
namespace {

// https://www.sqlite.org/fileformat2.html#the_write_ahead_log
constexpr size_t kLogHeader = 32, kFrameHeader = 24, kSalts = 8;
constexpr uint32_t kMagic = 0x377f0682;  // the last bit: whether checksums read their words with the highest byte first

uint32_t WordAt(absl::string_view bytes, size_t at, bool high_first = true) {
  uint32_t word = 0;
  for (size_t i = 0; i < 4; ++i) {
    word |= static_cast<uint32_t>(static_cast<unsigned char>(bytes[at + i])) << 8 * (high_first ? 3 - i : i);
  }
  return word;
}

struct Checksum {
  uint32_t first = 0, second = 0;

  void Add(absl::string_view bytes, bool high_first) {
    for (size_t at = 0; at + 8 <= bytes.size(); at += 8) {
      first += WordAt(bytes, at, high_first) + second;
      second += WordAt(bytes, at + 4, high_first) + first;
    }
  }
  bool IsAt(absl::string_view bytes, size_t at) const {
    return first == WordAt(bytes, at) && second == WordAt(bytes, at + 4);
  }
};

struct Frame {
  uint32_t page = 0;
  bool commits = false;  // the last of its transaction
  std::string content;
};

// Calls `visit` with each frame that SQLite would find valid, in their order.
void ReadFrames(const std::string& path, absl::FunctionRef<void(const Frame&)> visit) {
  std::ifstream log(path, std::ios::binary);
  std::string header(kLogHeader, '\0');
  if (!log.read(header.data(), kLogHeader) || (WordAt(header, 0) & ~1U) != kMagic) return;
  const bool high_first = (WordAt(header, 0) & 1) != 0;
  const uint32_t page_size = WordAt(header, 8);
  if (page_size < 512 || page_size > 65536 || (page_size & (page_size - 1)) != 0) return;
  Checksum checksum;
  checksum.Add(header.substr(0, 24), high_first);
  if (!checksum.IsAt(header, 24)) return;
  const std::string salts = header.substr(16, kSalts);
  std::string frame_header(kFrameHeader, '\0');
  Frame frame;
  frame.content.resize(page_size);
  while (log.read(frame_header.data(), kFrameHeader) && log.read(frame.content.data(), page_size)) {
    checksum.Add(frame_header.substr(0, 8), high_first);
    checksum.Add(frame.content, high_first);
    if (frame_header.compare(8, kSalts, salts) != 0 || !checksum.IsAt(frame_header, 16)) return;
    frame.page = WordAt(frame_header, 0);
    frame.commits = WordAt(frame_header, 4) != 0;
    visit(frame);
  }
}

// The links of the log's transactions, in their order; on the page of this number, or on any where it is not known.
std::vector<LogLink> LinksIn(const std::string& log, std::optional<uint32_t> page) {
  std::vector<LogLink> links, open;
  ReadFrames(log, [&](const Frame& frame) {
    if (!page.has_value() || *page == frame.page) {
      if (std::optional<LogLink> link = LinkOn(frame.content); link.has_value()) open.push_back(*std::move(link));
    }
    if (!frame.commits) return;
    links.insert(links.end(), open.begin(), open.end());
    open.clear();
  });
  return links;
}

// What the file says without its log.
struct FileLink {
  uint32_t page = 0;
  std::string stamp;
};

// Throws where the file alone is no whole database. Nothing where it has no links, because it is older than they are.
std::optional<FileLink> ReadFileLink(const std::string& path) {
  // Immutable: SQLite neither looks for a log nor locks.
  SQLite::Database file("file:" + UriPath(path) + "?immutable=1", SQLite::OPEN_READONLY | SQLite::OPEN_URI);
  SQLite::Statement table(file, "SELECT rootpage FROM sqlite_schema WHERE type = 'table' AND name = 'log_link'");
  if (!table.executeStep()) return std::nullopt;
  const uint32_t page = table.getColumn(0).getUInt();
  return FileLink{page, file.execAndGet("SELECT stamp FROM log_link").getString()};
}

}  // namespace

bool IsUsedWithLog(absl::string_view header) {
  return header.size() >= kHeaderUsed && header[18] == 2 && header[19] == 2;  // versions to write and to read it with
}

std::string UriPath(absl::string_view path) {
  std::string result;
  for (const char c : path) {
    if (c == '%' || c == '?' || c == '#') {
      absl::StrAppendFormat(&result, "%%%02X", static_cast<unsigned char>(c));
    } else {
      result += c;
    }
  }
  return result;
}

std::string StampOf(absl::string_view opening, uint64_t number) { return absl::StrFormat("%s%016x", opening, number); }

std::optional<LogLink> LinkOn(absl::string_view page) {
  const size_t at = page.find(kLinkMarker);
  if (at == absl::string_view::npos || page.size() < at + kLinkMarker.size() + 2 * kStampSize) return std::nullopt;
  const absl::string_view stamps = page.substr(at + kLinkMarker.size());
  return LogLink{std::string(stamps.substr(kStampSize, kStampSize)), std::string(stamps.substr(0, kStampSize))};
}

absl::Status CheckLogBelongs(const std::string& path) {
  const std::string log = path + "-wal";
  std::error_code error;
  if (const auto size = std::filesystem::file_size(log, error); error || size <= kLogHeader) return absl::OkStatus();
  const auto refused = [&](absl::string_view what) {
    return absl::FailedPreconditionError(
        absl::StrCat(what, ". Nothing was changed. To put a backup in place: likeness gallery restore BACKUP ", path,
                     ", which sets the log aside"));
  };
  if (const auto size = std::filesystem::file_size(path, error); error || size == 0) {
    return refused(absl::StrCat("the file is ", error ? "gone" : "empty", ", but its write-ahead log is there (", log,
                                "), perhaps with people whom no other file has"));
  }
  const auto belongs_elsewhere = [&] {
    return refused(absl::StrCat("the write-ahead log beside it (", log,
                                ") belongs to another state of the gallery: was a backup copied over its file?"));
  };
  std::string header(kHeaderUsed, '\0');
  if (!std::ifstream(path, std::ios::binary).read(header.data(), kHeaderUsed) || !IsUsedWithLog(header)) {
    return belongs_elsewhere();
  }
  std::optional<FileLink> file;
  try {
    file = ReadFileLink(path);
  } catch (const std::exception&) {
    // Not whole without the log, as a killed server leaves it in the middle of a checkpoint. A backup is whole.
    return absl::OkStatus();
  }
  const std::vector<LogLink> links = LinksIn(log, file.has_value() ? std::optional(file->page) : std::nullopt);
  // No transaction of the log is one of ours, or all are of a likeness that left no links.
  if (links.empty()) return absl::OkStatus();
  // A file without links belongs to the log that brings them.
  const std::string stamp = file.has_value() ? file->stamp : std::string(kStampSize, '0');
  if (links.front().previous == stamp) return absl::OkStatus();
  for (const LogLink& link : links) {
    if (link.stamp == stamp) return absl::OkStatus();
  }
  return belongs_elsewhere();
}

}  // namespace likeness
