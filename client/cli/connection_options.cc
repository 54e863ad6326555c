#include "client/cli/connection_options.h"

#include <cstdlib>
#include <optional>
#include <string>

#include "absl/strings/ascii.h"
#include "server/files/files.h"

namespace likeness {
namespace {

std::string Read(const std::string& path) {
  absl::StatusOr<std::string> text = ReadWholeFile(path);
  if (!text.ok()) throw CLI::ValidationError(std::string(text.status().message()));
  return *std::move(text);
}

Client::Tls& Tls(Client::Options& options) {
  if (!options.tls.has_value()) options.tls.emplace();
  return *options.tls;
}

// An option that names a PEM file.
void AddPemOption(CLI::App& app, const char* name, const char* variable, const char* description,
                  Client::Options& options, std::string Client::Tls::*pem) {
  app.add_option_function<std::string>(
         name, [&options, pem](const std::string& path) { Tls(options).*pem = Read(path); }, description)
      ->envname(variable)
      ->type_name("FILE");
}

}  // namespace

void AddConnectionOptions(CLI::App& app, Client::Options& options) {
  app.add_option("--server", options.target, "Address of the server")
      ->envname("LIKENESS_SERVER")
      ->type_name("HOST:PORT")
      ->capture_default_str();
  app.add_flag_callback(
      "--tls", [&options] { Tls(options); }, "Connect with TLS; this machine's authorities decide");
  AddPemOption(app, "--tls-ca", "LIKENESS_TLS_CA", "Connect with TLS; the authorities of this PEM file decide", options,
               &Client::Tls::root_certificates);
  AddPemOption(app, "--tls-certificate", "LIKENESS_TLS_CERTIFICATE", "Certificate to show to the server (PEM)", options,
               &Client::Tls::certificate);
  AddPemOption(app, "--tls-key", "LIKENESS_TLS_KEY", "Key of that certificate (PEM)", options, &Client::Tls::key);
  if (const char* token = std::getenv("LIKENESS_TOKEN"); token != nullptr) options.token = token;
  app.add_option_function<std::string>(
         "--token-file",
         [&options](const std::string& path) { options.token = std::string(absl::StripAsciiWhitespace(Read(path))); },
         "File with the token to come with; without it LIKENESS_TOKEN")
      ->type_name("FILE");
  app.parse_complete_callback([&options] {
    if (!options.token.empty() && !options.tls.has_value()) {
      throw CLI::ValidationError("a token is sent over TLS only: give --tls or --tls-ca");
    }
  });
}

}  // namespace likeness
