#include "server/gallery/postgres_hosts.h"

#include <libpq-fe.h>
#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <map>
#include <memory>
#include <stdexcept>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace likeness {
namespace {

using Parameters = std::map<std::string, std::string>;

Parameters Parse(const std::string& url) {
  char* error = nullptr;
  const std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> options(PQconninfoParse(url.c_str(), &error),
                                                                               PQconninfoFree);
  const std::unique_ptr<char, void (*)(void*)> message(error, PQfreemem);
  if (options == nullptr) {
    throw std::runtime_error(std::string(absl::StripAsciiWhitespace(error == nullptr ? "out of memory" : error)));
  }
  Parameters parameters;
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
    if (option->val != nullptr) parameters[option->keyword] = option->val;
  }
  return parameters;
}

std::vector<std::string> ListIn(const Parameters& parameters, const char* name) {
  const auto found = parameters.find(name);
  if (found == parameters.end()) return {};
  return absl::StrSplit(found->second, ',');
}

// The parameters with this one set, or without it where the value is empty.
void Set(Parameters& parameters, const char* name, const std::string& value) {
  if (value.empty()) {
    parameters.erase(name);
  } else {
    parameters[name] = value;
  }
}

// The entry for the host with this number; the only one is for all.
std::string EntryOf(const std::vector<std::string>& list, size_t host) {
  if (list.empty()) return "";
  return list.size() == 1 ? list.front() : list[host];
}

// The name's addresses; none where the DNS does not know it, and for sockets in the file system.
std::vector<std::string> AddressesOf(const std::string& host) {
  std::vector<std::string> addresses;
  if (host.empty() || host.front() == '/' || host.front() == '@') return addresses;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0) return addresses;
  for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
    char text[NI_MAXHOST];
    if (getnameinfo(entry->ai_addr, entry->ai_addrlen, text, sizeof(text), nullptr, 0, NI_NUMERICHOST) == 0) {
      addresses.emplace_back(text);
    }
  }
  freeaddrinfo(found);
  return addresses;
}

PostgresHost MakeHost(const Parameters& parameters) {
  const auto value = [&](const char* name) {
    const auto found = parameters.find(name);
    return found == parameters.end() ? std::string() : found->second;
  };
  std::string name = value("host").empty() ? value("hostaddr") : value("host");
  if (!value("port").empty()) absl::StrAppend(&name, ":", value("port"));
  return {name.empty() ? "the default host" : name, {parameters.begin(), parameters.end()}};
}

}  // namespace

PostgresHosts::PostgresHosts(const std::string& url) {
  Parameters parameters = Parse(url);
  int seconds = 0;
  if (absl::SimpleAtoi(parameters["connect_timeout"], &seconds) && seconds > 0) {
    connect_timeout_ = absl::Seconds(seconds);
  }
  parameters.erase("connect_timeout");
  // A connection that nothing is heard of is found out also while nobody uses it.
  for (const auto& [name, value] : {std::pair("keepalives_idle", "15"),
                                    {"keepalives_interval", "5"},
                                    {"keepalives_count", "3"},
                                    {"tcp_user_timeout", "30000"},
                                    {"application_name", "likeness"}}) {
    parameters.emplace(name, value);
  }
  parameters["client_encoding"] = "UTF8";
  const std::vector<std::string> names = ListIn(parameters, "host"), addresses = ListIn(parameters, "hostaddr"),
                                 ports = ListIn(parameters, "port");
  const size_t count = std::max<size_t>({names.size(), addresses.size(), 1});
  const auto fits = [count](const auto& list) { return list.size() <= 1 || list.size() == count; };
  if (!fits(names) || !fits(addresses) || !fits(ports)) {
    throw std::runtime_error("the URL must have one port, or as many as hosts");
  }
  if (count > 1) parameters.emplace("target_session_attrs", "read-write");
  for (size_t host = 0; host < count; ++host) {
    Set(parameters, "host", EntryOf(names, host));
    Set(parameters, "hostaddr", EntryOf(addresses, host));
    Set(parameters, "port", EntryOf(ports, host));
    listed_.push_back(MakeHost(parameters));
  }
}

std::vector<PostgresHost> PostgresHosts::InOrder() const {
  std::vector<PostgresHost> hosts;
  for (size_t i = 0; i < listed_.size(); ++i) {
    const PostgresHost& listed = listed_[(first_ + i) % listed_.size()];
    Parameters parameters(listed.parameters.begin(), listed.parameters.end());
    std::vector<std::string> addresses;
    if (parameters.find("hostaddr") == parameters.end()) addresses = AddressesOf(parameters["host"]);
    if (parameters["host"].empty()) parameters.erase("host");
    if (addresses.size() < 2) {
      hosts.push_back(listed);
      continue;
    }
    for (const std::string& address : addresses) {
      parameters["hostaddr"] = address;
      hosts.push_back(MakeHost(parameters));
      hosts.back().name = listed.name;
    }
  }
  return hosts;
}

void PostgresHosts::NoteAnswered(const PostgresHost& host) {
  for (size_t i = 0; i < listed_.size(); ++i) {
    if (listed_[i].name == host.name) first_ = i;
  }
}

absl::Duration PostgresHosts::ConnectTimeout(absl::Duration otherwise) const {
  return connect_timeout_ > absl::ZeroDuration() ? connect_timeout_ : otherwise;
}

}  // namespace likeness
