#include "server/telemetry/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

namespace likeness {
namespace {

using nlohmann::json;
using testing::MatchesRegex;

// What is written to standard error meanwhile.
std::string Logged(const std::function<void()>& log) {
  testing::internal::CaptureStderr();
  log();
  EXPECT_TRUE(FlushLog(absl::Seconds(60)));
  return testing::internal::GetCapturedStderr();
}

// The one line, which must end and hold one JSON object.
json LoggedLine(const std::function<void()>& log) {
  const std::string text = Logged(log);
  EXPECT_EQ(text.find('\n'), text.size() - 1) << text;
  return json::parse(text);
}

TEST(LogTest, WritesOneJsonObjectALine) {
  const json line = LoggedLine([] { Log(LogLevel::kInfo, "call", {{"method", "Verify"}, {"milliseconds", 12.5}}); });
  EXPECT_EQ(line.at("event"), "call");
  EXPECT_EQ(line.at("level"), "info");
  EXPECT_EQ(line.at("method"), "Verify");
  EXPECT_EQ(line.at("milliseconds"), 12.5);
  EXPECT_THAT(line.at("time").get<std::string>(),
              MatchesRegex("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z"));
}

TEST(LogTest, WritesAnEventWithoutFields) {
  EXPECT_EQ(LoggedLine([] { Log(LogLevel::kInfo, "stopped", {}); }).at("event"), "stopped");
  EXPECT_EQ(LoggedLine([] { Log(LogLevel::kInfo, "stopped", nlohmann::ordered_json::object()); }).at("event"),
            "stopped");
}

TEST(LogTest, StaysOneObjectWhateverTheTextHolds) {
  for (const std::string& text : {std::string("two\nlines"), std::string("\"quoted\"}"), std::string("back\\slash"),
                                  std::string("{} {0} %v %n {:>99999}"), std::string("nul\0inside", 10),
                                  std::string("\x1b[31mred"), std::string("\xE2\x80\xA8")}) {
    const json line = LoggedLine([&] { Log(LogLevel::kError, "failed", {{"message", text}}); });
    EXPECT_EQ(line.at("message"), text);
  }
}

TEST(LogTest, HasNothingInItThatATerminalObeys) {
  const std::string text = Logged([] {
    Log(LogLevel::kError, "failed", {{"message", "\x1b[31m \xC2\x9B \xE2\x80\xAE"}});
  });
  for (const char byte : text) EXPECT_TRUE(byte == '\n' || (byte >= ' ' && byte <= '~')) << text;
}

TEST(LogTest, ReplacesWhatIsNoUtf8) {
  const json line = LoggedLine([] {
    Log(LogLevel::kError, "failed",
        {{"message",
          "a\xFF"
          "b"}});
  });
  EXPECT_EQ(line.at("message"),
            "a\xEF\xBF\xBD"
            "b");
}

TEST(LogTest, NamesItsLevels) {
  EXPECT_EQ(LoggedLine([] { Log(LogLevel::kWarning, "x", {}); }).at("level"), "warning");
  EXPECT_EQ(LoggedLine([] { Log(LogLevel::kError, "x", {}); }).at("level"), "error");
}

TEST(LogTest, DropsLinesBelowItsLevel) {
  SetLogLevel(LogLevel::kWarning);
  EXPECT_EQ(Logged([] { Log(LogLevel::kInfo, "x", {}); }), "");
  EXPECT_NE(Logged([] { Log(LogLevel::kWarning, "x", {}); }), "");
  SetLogLevel(LogLevel::kDebug);
  EXPECT_EQ(LoggedLine([] { Log(LogLevel::kDebug, "x", {}); }).at("level"), "debug");
  SetLogLevel(LogLevel::kInfo);
  EXPECT_EQ(Logged([] { Log(LogLevel::kDebug, "x", {}); }), "");
}

}  // namespace
}  // namespace likeness
