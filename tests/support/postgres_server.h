// A PostgreSQL server of a test's own, in a temporary folder, reached by a socket file.
#ifndef LIKENESS_TESTS_SUPPORT_POSTGRES_SERVER_H_
#define LIKENESS_TESTS_SUPPORT_POSTGRES_SERVER_H_

#include <sys/types.h>

#include <memory>
#include <string>

namespace likeness {

// Not thread-safe.
class PostgresServer {
 public:
  // Null, with a message, where PostgreSQL is not installed or does not start.
  static std::unique_ptr<PostgresServer> Start();
  // Ends the server and removes the folder.
  ~PostgresServer();

  // Of an empty gallery, a schema of its own.
  std::string NewGallery();
  // Likewise, a database of its own: for what takes no options.
  std::string NewDatabase();
  // The same gallery, through a socket in another folder: a proxy's.
  static std::string Through(const std::string& socket_folder, const std::string& gallery);

  // The same gallery, as another role; nobody is asked for passwords.
  static std::string As(const std::string& role, const std::string& gallery);

  // As `kill -9` does, of every process of the server.
  void Kill();
  // Starts it again on the same files.
  bool StartAgain();
  // Stops the server where it is, without a word, until Continue().
  void Freeze();
  void Continue();

  const std::string& socket_folder() const { return folder_; }
  std::string data_folder() const { return folder_ + "/data"; }

 private:
  explicit PostgresServer(std::string folder) : folder_(std::move(folder)) {}

  const std::string folder_;
  pid_t pid_ = -1;
  int galleries_ = 0;
};

}  // namespace likeness

#endif  // LIKENESS_TESTS_SUPPORT_POSTGRES_SERVER_H_
