// Who may call: TLS, certificates and tokens, with the real server, the real command line and certificates of our own.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <sstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/channel.h"
#include "client/model_client.h"
#include "client/training_client.h"
#include "server/access/token_file.h"
#include "tests/integration/photos.h"
#include "tests/integration/server_process.h"

namespace likeness {
namespace {

using testing::HasSubstr;

class AccessTest : public testing::Test {
 protected:
  void SetUp() override {
    MakeAuthority("ca");
    MakeCertificate("ca", "server");
    tls_ = {"--tls-certificate=" + Path("server.pem"), "--tls-key=" + Path("server.key")};
  }

  std::string Path(const std::string& name) const { return folder_.path() + "/" + name; }
  std::string Read(const std::string& name) const {
    std::ostringstream text;
    text << std::ifstream(Path(name)).rdbuf();
    return text.str();
  }

  void OpenSsl(const std::string& arguments) const {
    const std::string command = "cd '" + folder_.path() + "' && openssl " + arguments + " 2>openssl.log";
    ASSERT_EQ(std::system(command.c_str()), 0) << command << '\n' << Read("openssl.log");
  }
  void MakeAuthority(const std::string& name) const {
    OpenSsl("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=" + name + " -keyout " +
            name + ".key -out " + name + ".pem");
  }
  void MakeCertificate(const std::string& authority, const std::string& name, int days = 2) const {
    std::ofstream(Path("extensions")) << "subjectAltName=IP:127.0.0.1\n";
    OpenSsl("req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=" + name + " -keyout " + name +
            ".key -out " + name + ".csr");
    OpenSsl(absl::StrCat("x509 -req -days ", days, " -in ") + name + ".csr -CA " + authority + ".pem -CAkey " +
            authority + ".key -CAcreateserial -extfile extensions -out " + name + ".pem");
  }

  // A token of the server's file.
  std::string MakeTokenFor(const std::string& name, std::set<Scope> scopes,
                           absl::Time expires = absl::Now() + absl::Hours(1)) {
    const std::string token = MakeToken();
    std::ofstream(Path("tokens"), std::ios::app)
        << FormatTokenEntry({.name = name, .scopes = std::move(scopes), .expires = expires, .hash = Sha256(token)});
    std::filesystem::permissions(Path("tokens"), std::filesystem::perms(0600));
    return token;
  }

  void Start(std::vector<std::string> flags) {
    auto started = ServerProcess::Start({.folder = folder_.path(), .flags = std::move(flags)});
    ASSERT_TRUE(started.ok()) << started.status();
    server_ = *std::move(started);
  }
  void StartWithTokens() {
    std::vector<std::string> flags = tls_;
    flags.push_back("--tokens=" + Path("tokens"));
    Start(flags);
  }

  // With TLS, trusting `authority`.
  Client::Options Options(const std::string& token = "", const std::string& authority = "ca") const {
    return {.target = server_->target(),
            .timeout = absl::Seconds(10),
            .tls = Client::Tls{.root_certificates = Read(authority + ".pem"), .certificate = "", .key = ""},
            .token = token};
  }

  static absl::Status ListPersons(const Client::Options& options) { return Client(options).ListPersons({}).status(); }
  static absl::Status Embed(const Client::Options& options) {
    v1::EmbedRequest request;
    request.set_photo(Photo("cage.jpg"));
    return Client(options).Embed(request).status();
  }
  static absl::Status ListModels(const Client::Options& options) {
    return ModelClient(options).ListModels({}).status();
  }
  static absl::Status ListTrainings(const Client::Options& options) {
    return TrainingClient(options).ListTrainings({}).status();
  }

  TemporaryFolder folder_;
  std::vector<std::string> tls_;
  std::unique_ptr<ServerProcess> server_;
};

TEST_F(AccessTest, ATokenOpensTheCallsOfItsScopesAndNoOthers) {
  const std::string verify = MakeTokenFor("kiosk", {Scope::kEmbed});
  const std::string enroll = MakeTokenFor("desk", {Scope::kEnroll});
  const std::string train = MakeTokenFor("lab", {Scope::kTrain});
  const std::string admin = MakeTokenFor("operator", {Scope::kAdmin});
  StartWithTokens();
  const std::pair<std::string, absl::Status (*)(const Client::Options&)> calls[] = {
      {verify, &Embed}, {enroll, &ListPersons}, {train, &ListTrainings}, {admin, &ListModels}};
  for (const auto& [own, call] : calls) {
    for (const auto& [token, others] : calls) {
      const absl::Status status = call(Options(token));
      if (token == own) {
        EXPECT_TRUE(status.ok()) << status;
      } else {
        EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
        EXPECT_EQ(ErrorReasonOf(status), "SCOPE_MISSING");
      }
    }
    EXPECT_EQ(ErrorReasonOf(call(Options())), "TOKEN_MISSING");
    EXPECT_EQ(ErrorReasonOf(call(Options("lk_made-up"))), "TOKEN_INVALID");
    EXPECT_EQ(call(Options("lk_made-up")).code(), absl::StatusCode::kUnauthenticated);
  }
  EXPECT_TRUE(Client(Options()).Health("").ok()) << "a probe has no token";
  EXPECT_THAT(server_->Log(), HasSubstr("\"caller\":\"kiosk\""));
  for (const auto& [token, call] : calls) EXPECT_THAT(server_->Log(), testing::Not(HasSubstr(token)));
}

TEST_F(AccessTest, AnExpiredTokenAndOneTakenBackOpenNothing) {
  const std::string expired = MakeTokenFor("old", {Scope::kEnroll}, absl::Now() - absl::Seconds(1));
  const std::string token = MakeTokenFor("desk", {Scope::kEnroll});
  StartWithTokens();
  EXPECT_EQ(ErrorReasonOf(ListPersons(Options(expired))), "TOKEN_EXPIRED");
  ASSERT_TRUE(ListPersons(Options(token)).ok());
  std::ofstream(Path("tokens")) << "# nobody\n";
  const absl::Time deadline = absl::Now() + absl::Seconds(10);
  while (ListPersons(Options(token)).ok() && absl::Now() < deadline) absl::SleepFor(absl::Milliseconds(100));
  EXPECT_EQ(ErrorReasonOf(ListPersons(Options(token))), "TOKEN_INVALID");
}

TEST_F(AccessTest, WithoutTlsNoCallArrives) {
  Start(tls_);
  EXPECT_TRUE(ListPersons(Options()).ok());
  EXPECT_EQ(ListPersons({.target = server_->target()}).code(), absl::StatusCode::kUnavailable);
}

TEST_F(AccessTest, AServerThatAnotherAuthorityVouchesForIsNotTrusted) {
  Start(tls_);
  MakeAuthority("other");
  EXPECT_EQ(ListPersons(Options("", "other")).code(), absl::StatusCode::kUnavailable);
}

TEST_F(AccessTest, ACallerNeedsACertificateWhereTheServerAsksForOne) {
  tls_.push_back("--tls-client-ca=" + Path("ca.pem"));
  Start(tls_);
  MakeCertificate("ca", "caller");
  MakeAuthority("other");
  MakeCertificate("other", "stranger");
  EXPECT_EQ(ListPersons(Options()).code(), absl::StatusCode::kUnavailable);
  Client::Options options = Options();
  options.tls->certificate = Read("stranger.pem");
  options.tls->key = Read("stranger.key");
  EXPECT_EQ(ListPersons(options).code(), absl::StatusCode::kUnavailable);
  options.tls->certificate = Read("caller.pem");
  options.tls->key = Read("caller.key");
  EXPECT_TRUE(ListPersons(options).ok()) << ListPersons(options);
}

TEST_F(AccessTest, ANewCertificateIsShownWithoutARestart) {
  Start(tls_);
  const auto days_left = [this] {
    return (server_->Metric("likeness_certificate_expiry_timestamp_seconds") - absl::ToUnixSeconds(absl::Now())) /
           86400.0;
  };
  EXPECT_NEAR(days_left(), 2, 0.1);
  MakeAuthority("next");
  MakeCertificate("next", "renewed", /*days=*/20);
  std::filesystem::rename(Path("renewed.key"), Path("server.key"));
  std::filesystem::rename(Path("renewed.pem"), Path("server.pem"));
  const absl::Time deadline = absl::Now() + absl::Seconds(60);
  absl::Status status = ListPersons(Options("", "next"));
  while (!status.ok() && absl::Now() < deadline) {
    absl::SleepFor(absl::Milliseconds(500));
    status = ListPersons(Options("", "next"));
  }
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_NEAR(days_left(), 20, 0.1);
  MakeCertificate("next", "unfit", /*days=*/200);
  std::filesystem::rename(Path("unfit.pem"), Path("server.pem"));
  EXPECT_NEAR(days_left(), 20, 0.1) << "the key is another's, so the one before is still served";
  std::filesystem::remove(Path("server.pem"));
  EXPECT_NEAR(days_left(), 20, 0.1);
}

TEST_F(AccessTest, TheServerDoesNotStartWhereItsFilesDoNotFit) {
  MakeCertificate("ca", "another");
  for (const std::string& flag : {"--tls-key=" + Path("another.key"), "--tls-certificate=" + Path("extensions"),
                                  "--tls-client-ca=" + Path("extensions"), "--tokens=" + Path("extensions")}) {
    std::vector<std::string> flags = tls_;
    flags.push_back(flag);
    const auto started = ServerProcess::Start({.folder = folder_.path(), .flags = flags});
    EXPECT_FALSE(started.ok()) << flag;
    EXPECT_THAT(std::string(started.status().message()), HasSubstr(flag.substr(flag.find('=') + 1)));
  }
}

TEST_F(AccessTest, TheCommandLineMakesTokensAndComesWithThem) {
  const std::string likeness = absl::StrCat(LIKENESS_BIN_DIR, "/likeness ");
  const std::string add =
      likeness + "tokens add '" + Path("tokens") + "' desk --scope verify,enroll > '" + Path("token") + "' 2>/dev/null";
  ASSERT_EQ(std::system(add.c_str()), 0);
  EXPECT_NE(std::system(add.c_str()), 0) << "the name is there already";
  EXPECT_EQ(std::filesystem::status(Path("tokens")).permissions(), std::filesystem::perms(0600));
  ASSERT_EQ(std::system((likeness + "tokens add '" + Path("tokens") + "' kiosk --scope verify > '" + Path("token") +
                         "' 2>/dev/null")
                            .c_str()),
            0);
  StartWithTokens();
  const std::string list = likeness + "--server " + server_->target() + " --tls-ca '" + Path("ca.pem") +
                           "' --token-file '" + Path("token") + "' persons list 2>'" + Path("error") + "'";
  EXPECT_NE(std::system(list.c_str()), 0);
  EXPECT_THAT(Read("error"), HasSubstr("SCOPE_MISSING"));
  ASSERT_EQ(std::system((likeness + "tokens add '" + Path("tokens") + "' office --scope enroll > '" + Path("token") +
                         "' 2>/dev/null")
                            .c_str()),
            0);
  absl::SleepFor(absl::Milliseconds(1100));
  EXPECT_EQ(std::system(list.c_str()), 0) << Read("error");
}

}  // namespace
}  // namespace likeness
