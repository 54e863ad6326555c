#include "server/config/server_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/files.h"

namespace likeness {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

// Sets an environment variable as long as it lives.
class Variable {
 public:
  Variable(std::string name, const std::string& value) : name_(std::move(name)) {
    setenv(name_.c_str(), value.c_str(), 1);
  }
  ~Variable() { unsetenv(name_.c_str()); }

 private:
  const std::string name_;
};

class ServerConfigTest : public testing::Test {
 protected:
  ServerConfigTest() {
    WriteFile(model_, "a model");
    WriteFile(finder_, "a face finder");
    WriteFile(keys_, "keys");
  }

  CommandLine Parse(const std::vector<std::string>& flags) {
    std::vector<const char*> argv = {"likeness-server"};
    for (const std::string& flag : flags) argv.push_back(flag.c_str());
    return ParseCommandLine(static_cast<int>(argv.size()), argv.data());
  }

  // With what every command line needs.
  CommandLine ParseComplete(std::vector<std::string> flags) {
    flags.insert(flags.begin(), {"--model", model_, "--face-finder", finder_, "--gallery", "sqlite:g.sqlite",
                                 "--master-key-file", keys_});
    return Parse(flags);
  }

  void ExpectRefused(const std::vector<std::string>& flags, const std::string& why) {
    const CommandLine line = ParseComplete(flags);
    EXPECT_TRUE(line.exit) << flags.front();
    EXPECT_EQ(line.exit_code, 2) << flags.front();
    EXPECT_THAT(line.output, HasSubstr(why));
  }

  const std::string model_ = UniquePath("model.pt");
  const std::string finder_ = UniquePath("face-finder.pt");
  const std::string keys_ = UniquePath("master.keys");
};

TEST_F(ServerConfigTest, NeedsThreeFlagsAndHasDefaultsForTheRest) {
  const CommandLine line = ParseComplete({});
  ASSERT_FALSE(line.exit) << line.output;
  EXPECT_THAT(line.output, IsEmpty());
  EXPECT_EQ(line.config.model, model_);
  EXPECT_EQ(line.config.face_finder, finder_);
  EXPECT_EQ(line.config.gallery_path, "g.sqlite");
  EXPECT_EQ(line.config.models_folder, "g.sqlite.models");
  EXPECT_EQ(line.config.trainings_folder, "g.sqlite.models/trainings");
  EXPECT_EQ(line.config.grpc.max_connection_age, absl::InfiniteDuration());
  EXPECT_TRUE(line.config.retain_crops);
  EXPECT_EQ(line.config.grpc.address, "127.0.0.1:50051");
  EXPECT_EQ(line.config.metrics_address, "127.0.0.1:9464");
  EXPECT_EQ(line.config.device, "auto");
  EXPECT_EQ(line.config.precision, Precision::kFp32);
  EXPECT_EQ(line.config.threshold.target_fmr, 1e-3);
  EXPECT_EQ(line.config.threshold.unmeasured, UnmeasuredPolicy::kRefuse);
  EXPECT_EQ(line.config.quality_gate, QualityGate::kStandard);
  EXPECT_EQ(line.config.probe_gate, QualityGate::kStandard);
  EXPECT_EQ(line.config.photo.max_bytes, 10 << 20);
  EXPECT_EQ(line.config.photo.max_pixels, 50'000'000);
  EXPECT_EQ(line.config.photo.max_seconds, 0.8);
  EXPECT_EQ(line.config.grpc.max_message_bytes, 16 << 20);
  EXPECT_GE(line.config.workers, 1);
  EXPECT_EQ(line.config.queue_limit, 64);
  EXPECT_EQ(line.config.grace_period, absl::Seconds(30));
  EXPECT_EQ(line.config.drain_delay, absl::ZeroDuration());
  EXPECT_EQ(line.config.log_level, LogLevel::kInfo);
  EXPECT_TRUE(line.config.grpc.reflection);
}

TEST_F(ServerConfigTest, TakesEveryFlag) {
  const CommandLine line = ParseComplete({"--insecure=true",
                                          "--address",
                                          "0.0.0.0:1",
                                          "--metrics-address",
                                          "0.0.0.0:2",
                                          "--device",
                                          "cuda:1",
                                          "--precision",
                                          "fp16",
                                          "--target-fmr",
                                          "1e-4",
                                          "--threshold",
                                          "half-margin",
                                          "--probe-gate",
                                          "strict",
                                          "--cached-references",
                                          "0",
                                          "--models-folder",
                                          "trained",
                                          "--require-active-model",
                                          "true",
                                          "--trainings-folder",
                                          "in training",
                                          "--max-connection-age",
                                          "90",
                                          "--retain-crops",
                                          "false",
                                          "--max-references",
                                          "5",
                                          "--workers",
                                          "3",
                                          "--queue",
                                          "0",
                                          "--enroll-workers",
                                          "2",
                                          "--max-message-bytes",
                                          "900",
                                          "--max-photo-bytes",
                                          "800",
                                          "--max-photo-pixels",
                                          "700",
                                          "--max-photo-seconds",
                                          "0.5",
                                          "--reflection",
                                          "false",
                                          "--grace-period",
                                          "1.5",
                                          "--drain-delay",
                                          "0.25",
                                          "--log-level",
                                          "warning",
                                          "--ready-file",
                                          "ready.json"});
  ASSERT_FALSE(line.exit) << line.output;
  EXPECT_EQ(line.config.grpc.address, "0.0.0.0:1");
  EXPECT_EQ(line.config.metrics_address, "0.0.0.0:2");
  EXPECT_EQ(line.config.device, "cuda:1");
  EXPECT_EQ(line.config.precision, Precision::kFp16);
  EXPECT_EQ(line.config.threshold.target_fmr, 1e-4);
  EXPECT_EQ(line.config.threshold.unmeasured, UnmeasuredPolicy::kHalfMargin);
  EXPECT_EQ(line.config.probe_gate, QualityGate::kStrict);
  EXPECT_EQ(line.config.gallery.cached_references, 0);
  EXPECT_EQ(line.config.gallery.max_references_per_person, 5);
  EXPECT_EQ(line.config.models_folder, "trained");
  EXPECT_TRUE(line.config.require_active_model);
  EXPECT_EQ(line.config.trainings_folder, "in training");
  EXPECT_EQ(line.config.grpc.max_connection_age, absl::Seconds(90));
  EXPECT_FALSE(line.config.retain_crops);
  EXPECT_EQ(line.config.workers, 3);
  EXPECT_EQ(line.config.queue_limit, 0);
  EXPECT_EQ(line.config.enroll_workers, 2);
  EXPECT_EQ(line.config.grpc.max_message_bytes, 900);
  EXPECT_EQ(line.config.photo.max_bytes, 800);
  EXPECT_EQ(line.config.photo.max_pixels, 700);
  EXPECT_EQ(line.config.photo.max_seconds, 0.5);
  EXPECT_FALSE(line.config.grpc.reflection);
  EXPECT_EQ(line.config.grace_period, absl::Milliseconds(1500));
  EXPECT_EQ(line.config.drain_delay, absl::Milliseconds(250));
  EXPECT_EQ(line.config.log_level, LogLevel::kWarning);
  EXPECT_EQ(line.config.ready_file, "ready.json");
}

TEST_F(ServerConfigTest, TakesTheLastOfAFlagThatIsGivenTwice) {
  const CommandLine line = ParseComplete({"--queue", "1", "--queue", "2"});
  ASSERT_FALSE(line.exit) << line.output;
  EXPECT_EQ(line.config.queue_limit, 2);
}

TEST_F(ServerConfigTest, ReadsTheEnvironment) {
  const Variable model("LIKENESS_MODEL", model_), finder("LIKENESS_FACE_FINDER", finder_),
      gallery("LIKENESS_GALLERY", "sqlite:/data/g"), keys("LIKENESS_MASTER_KEY_FILE", keys_),
      bytes("LIKENESS_MAX_PHOTO_BYTES", "1234"), level("LIKENESS_LOG_LEVEL", "error");
  const CommandLine line = Parse({});
  ASSERT_FALSE(line.exit) << line.output;
  EXPECT_EQ(line.config.gallery_path, "/data/g");
  EXPECT_EQ(line.config.photo.max_bytes, 1234);
  EXPECT_EQ(line.config.log_level, LogLevel::kError);
}

TEST_F(ServerConfigTest, ReadsAFile) {
  const std::string file = UniquePath("likeness.yaml");
  WriteFile(file,
            "# a comment\nworkers: 5\ntarget-fmr: 1e-5\naddress: \"127.0.0.1:7\"\nreflection: false\naudit: ''\n");
  const CommandLine line = ParseComplete({"--config", file});
  ASSERT_FALSE(line.exit) << line.output;
  EXPECT_EQ(line.config.workers, 5);
  EXPECT_EQ(line.config.threshold.target_fmr, 1e-5);
  EXPECT_EQ(line.config.grpc.address, "127.0.0.1:7");
  EXPECT_FALSE(line.config.grpc.reflection);
}

TEST_F(ServerConfigTest, PrefersFlagsToTheEnvironmentAndThatToTheFile) {
  const std::string file = UniquePath("likeness.yaml");
  WriteFile(file, "workers: 5\nqueue: 5\nmax-references: 5\n");
  const Variable workers("LIKENESS_WORKERS", "6"), queue("LIKENESS_QUEUE", "6");
  const CommandLine line = ParseComplete({"--config", file, "--workers", "7"});
  ASSERT_FALSE(line.exit) << line.output;
  EXPECT_EQ(line.config.workers, 7);
  EXPECT_EQ(line.config.queue_limit, 6);
  EXPECT_EQ(line.config.gallery.max_references_per_person, 5);
}

// A slip of the pen in a file must not leave a threshold at its default.
TEST_F(ServerConfigTest, RefusesAFileWithAKeyThatItDoesNotKnow) {
  const std::string file = UniquePath("likeness.yaml");
  WriteFile(file, "target-fmrr: 1e-5\n");
  ExpectRefused({"--config", file}, "target-fmrr");
}

TEST_F(ServerConfigTest, RefusesAFileThatIsNotThereOrHasABadValue) {
  ExpectRefused({"--config", UniquePath("missing.yaml")}, "missing.yaml");
  const std::string file = UniquePath("likeness.yaml");
  WriteFile(file, "workers: many\n");
  ExpectRefused({"--config", file}, "workers");
}

TEST_F(ServerConfigTest, RefusesAFileThatIsNoMappingOfFlagsToValuesAndNamesTheLine) {
  const std::pair<const char*, const char*> cases[] = {
      {"queue: 1\nworkers\n", "line 2"},
      {"- queue\n", "not a mapping"},
      {"just text\n", "not a mapping"},
      {"queue: 1\nworkers: 2\nqueue: 3\n", "line 3: queue is there twice"},
      {"queue: [1, 2]\n", "line 1: queue wants one value"},
      {"queue: {size: 1}\n", "line 1: queue wants one value"},
      {"queue:\n", "line 1: queue wants one value"},
      {"queue: 1\n---\nworkers: 2\n", "line 3: a second document"},
      {"queue: 1\n...\n---\nworkers: 2\n", "a second document"},
      {"--queue: 1\n", "line 1: '--queue' is no name of a flag"},
      {"'': 1\n", "line 1: '' is no name of a flag"},
      {"++: 1\n", "line 1: '++' is no name of a flag"},
      {"? [queue]\n: 1\n", "the name of a flag is wanted"},
      {"queue: [1\n", "configuration file, line"},
      {"queue: 1\n workers: 2\n", "line 2"},
  };
  for (const auto& [text, why] : cases) {
    const std::string file = UniquePath("likeness.yaml");
    WriteFile(file, text);
    ExpectRefused({"--config", file}, why);
  }
}

TEST_F(ServerConfigTest, TakesAFileOfNothingButComments) {
  const std::string file = UniquePath("likeness.yaml");
  for (const char* text : {"", "# nothing yet\n", "---\n"}) {
    WriteFile(file, text);
    EXPECT_FALSE(ParseComplete({"--config", file}).exit) << text;
  }
}

TEST_F(ServerConfigTest, RefusesABadValueInTheEnvironment) {
  const Variable workers("LIKENESS_WORKERS", "many");
  ExpectRefused({"--queue", "1"}, "workers");
}

TEST_F(ServerConfigTest, RefusesBadValuesAndNamesTheFlag) {
  const std::pair<const char*, const char*> cases[] = {{"--probe-gate", "lax"},
                                                       {"--threshold", "fallback"},
                                                       {"--target-fmr", "0"},
                                                       {"--target-fmr", "1"},
                                                       {"--target-fmr", "-0.1"},
                                                       {"--target-fmr", "nan"},
                                                       {"--target-fmr", "inf"},
                                                       {"--target-fmr", "x"},
                                                       {"--workers", "-1"},
                                                       {"--workers", "1.5"},
                                                       {"--workers", "1000000"},
                                                       {"--queue", "-1"},
                                                       {"--enroll-workers", "-1"},
                                                       {"--max-references", "0"},
                                                       {"--cached-references", "-1"},
                                                       {"--max-message-bytes", "0"},
                                                       {"--max-message-bytes", "99999999999"},
                                                       {"--max-photo-bytes", "0"},
                                                       {"--max-photo-pixels", "-5"},
                                                       {"--max-photo-seconds", "0"},
                                                       {"--max-photo-seconds", "nan"},
                                                       {"--grace-period", "-1"},
                                                       {"--grace-period", "nan"},
                                                       {"--drain-delay", "nan"},
                                                       {"--drain-delay", "1e9"},
                                                       {"--log-level", "loud"},
                                                       {"--reflection", "perhaps"},
                                                       {"--gallery", "mysql://x"},
                                                       {"--gallery", "sqlite:"},
                                                       {"--gallery", "g.sqlite"},
                                                       {"--no-such-flag", "1"}};
  for (const auto& [flag, value] : cases) {
    const std::string name(flag);
    std::vector<std::string> flags = {"--model", model_, "--face-finder", finder_, "--master-key-file", keys_,
                                      name,      value};
    if (name != "--gallery") flags.insert(flags.end(), {"--gallery", "sqlite:g.sqlite"});
    const CommandLine line = Parse(flags);
    EXPECT_TRUE(line.exit) << flag << " " << value;
    EXPECT_EQ(line.exit_code, 2) << flag << " " << value;
    EXPECT_THAT(line.output, HasSubstr(flag));
  }
}

TEST_F(ServerConfigTest, LeavesAGalleryInTheOpenOnlyWhenToldAloud) {
  const std::vector<std::string> bare = {"--model", model_, "--face-finder", finder_, "--gallery", "sqlite:g.sqlite"};
  const auto with = [&bare](const char* flag) {
    std::vector<std::string> flags = bare;
    flags.push_back(flag);
    return flags;
  };
  EXPECT_THAT(Parse(bare).output, HasSubstr("--plaintext-gallery"));
  EXPECT_FALSE(Parse(with("--plaintext-gallery=true")).exit);
  ExpectRefused({"--plaintext-gallery=true"}, "exclude each other");
  const Variable variable("LIKENESS_MASTER_KEY", "the text of a key");
  const CommandLine line = Parse(bare);
  EXPECT_FALSE(line.exit) << line.output;
  EXPECT_EQ(line.config.master_key.text, "the text of a key");
  ExpectRefused({"--queue=1"}, "exclude each other");
}

TEST_F(ServerConfigTest, TakesAPostgresGalleryWithAModelsFolder) {
  const std::vector<std::string> flags = {
      "--model", model_, "--face-finder", finder_, "--gallery", "postgres://host/db", "--master-key-file", keys_};
  EXPECT_THAT(Parse(flags).output, HasSubstr("--models-folder"));
  std::vector<std::string> complete = flags;
  complete.insert(complete.end(), {"--models-folder", "/m", "--max-staleness", "5", "--store-timeout", "0.5"});
  const CommandLine line = Parse(complete);
  ASSERT_FALSE(line.exit) << line.output;
  EXPECT_EQ(line.config.postgres.url, "postgres://host/db");
  EXPECT_EQ(line.config.postgres.timeout, absl::Milliseconds(500));
  EXPECT_EQ(line.config.gallery.max_staleness, absl::Seconds(5));
}

TEST_F(ServerConfigTest, RefusesPhotosThatNoMessageCouldCarry) {
  ExpectRefused({"--max-photo-bytes", "1001", "--max-message-bytes", "1000"}, "--max-photo-bytes");
}

TEST_F(ServerConfigTest, NamesWhatIsMissing) {
  CommandLine line = Parse({});
  EXPECT_EQ(line.exit_code, 2);
  EXPECT_THAT(line.output, HasSubstr("--model"));
  line = Parse({"--model", UniquePath("missing.pt"), "--face-finder", finder_, "--gallery", "sqlite:g"});
  EXPECT_EQ(line.exit_code, 2);
  EXPECT_THAT(line.output, HasSubstr("missing.pt"));
}

TEST_F(ServerConfigTest, PrintsItsHelpAndItsVersionAndSucceeds) {
  const CommandLine help = Parse({"--help"});
  EXPECT_TRUE(help.exit);
  EXPECT_EQ(help.exit_code, 0);
  for (const char* text : {"--target-fmr", "LIKENESS_TARGET_FMR", "127.0.0.1:50051"}) {
    EXPECT_THAT(help.output, HasSubstr(text));
  }
  const CommandLine version = Parse({"--version"});
  EXPECT_TRUE(version.exit);
  EXPECT_EQ(version.exit_code, 0);
  EXPECT_THAT(version.output, HasSubstr("likeness-server "));
}

TEST_F(ServerConfigTest, IsReachedFromThisMachineOnlyUnlessItIsSafeOrToldAloud) {
  const std::string pem = UniquePath("some.pem");
  WriteFile(pem, "a file");
  const std::vector<std::string> tls = {"--tls-certificate", pem, "--tls-key", pem};
  const auto with = [](std::vector<std::string> flags, const std::vector<std::string>& more) {
    flags.insert(flags.end(), more.begin(), more.end());
    return flags;
  };
  for (const std::string address : {"127.0.0.1:0", "127.9.9.9:1", "localhost:1", "[::1]:1", "unix:/run/likeness"}) {
    EXPECT_FALSE(ParseComplete({"--address", address}).exit) << address;
  }
  for (const std::string address :
       {"0.0.0.0:1", "[::]:1", "10.0.0.1:1", "example.com:1", "127.0.0.1.example.com:1", "localhost.example:1", ":1"}) {
    ExpectRefused({"--address", address}, "other machines can reach --address");
    ExpectRefused(with({"--address", address}, tls), "other machines can reach --address");
    ExpectRefused({"--address", address, "--tokens", pem}, "other machines can reach --address");
    EXPECT_FALSE(ParseComplete(with({"--address", address, "--tokens", pem}, tls)).exit) << address;
    EXPECT_FALSE(ParseComplete(with({"--address", address, "--tls-client-ca", pem}, tls)).exit) << address;
    EXPECT_FALSE(ParseComplete({"--address", address, "--insecure=true"}).exit) << address;
  }
}

TEST_F(ServerConfigTest, TakesCertificateAndKeyTogetherOnly) {
  const std::string pem = UniquePath("some.pem");
  WriteFile(pem, "a file");
  ExpectRefused({"--tls-certificate", pem}, "belong together");
  ExpectRefused({"--tls-key", pem}, "belong together");
  ExpectRefused({"--tls-client-ca", pem}, "needs --tls-certificate");
}

}  // namespace
}  // namespace likeness
