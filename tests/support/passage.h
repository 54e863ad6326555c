// A way to a PostgreSQL server that a test can block.
#ifndef LIKENESS_TESTS_SUPPORT_PASSAGE_H_
#define LIKENESS_TESTS_SUPPORT_PASSAGE_H_

#include <sys/types.h>

#include <string>

namespace likeness {

// A socket in a folder of its own that leads to the one in the folder `to`. Where it is blocked, what goes in does not
// come out, and nobody is told. Not thread-safe.
class Passage {
 public:
  explicit Passage(const std::string& to);
  ~Passage();

  const std::string& folder() const { return folder_; }
  // All connections, and new ones.
  void Block() const;
  void Open() const;
  // The connections that there are, but not new ones.
  void BlockThoseThere() const;

 private:
  std::string folder_;
  pid_t pid_ = -1;
};

}  // namespace likeness

#endif  // LIKENESS_TESTS_SUPPORT_PASSAGE_H_
