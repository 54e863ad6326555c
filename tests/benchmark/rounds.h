// Measures an engine in short rounds, each on request, so that several engines can take turns on one machine:
// compare_engines.py writes a line to the program's standard input and reads a line of JSON from its standard output.
//
//   measure BATCH FACES   runs at least FACES faces in batches of BATCH
//                         {"batch": 8, "faces": 64, "processor_ms_per_face": 4.7}
//   embed BATCH           {"embeddings": [[…], …]} of the first BATCH faces
//
// The end of the input ends the program.
#ifndef LIKENESS_TESTS_BENCHMARK_ROUNDS_H_
#define LIKENESS_TESTS_BENCHMARK_ROUNDS_H_

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

namespace likeness {

// 8-bit RGB pixels of a face, row after row.
using FacePixels = std::vector<uint8_t>;

// Not thread-safe.
class Engine {
 public:
  virtual ~Engine() = default;
  // Makes the first `batch` faces the next input. Not measured.
  virtual void Prepare(int batch) = 0;
  // Runs the input through the network: one embedding each.
  virtual std::vector<std::vector<float>> Run() = 0;
};

struct Round {
  int batch = 0;
  int faces = 0;
  // Of the whole process, user and system, within the runs alone.
  double processor_ms_per_face = 0;
  double wall_ms_per_face = 0;
};

// Runs the engine twice unmeasured, then until at least `faces` faces are done, from `callers` threads at once: more
// than one only for an engine whose Run() is thread-safe.
Round MeasureRound(Engine& engine, int batch, int faces, int callers = 1);

// Answers requests until `in` ends. A request that cannot be read throws std::runtime_error.
void AnswerRequests(Engine& engine, std::istream& in, std::ostream& out, int callers = 1);

// Faces of side × side pixels, one after the other in a file without a header. Throws std::runtime_error.
std::vector<FacePixels> ReadFaces(const std::string& path, int side);

// Noise, the same in every run.
std::vector<FacePixels> NoiseFaces(int count, int side);

}  // namespace likeness

#endif  // LIKENESS_TESTS_BENCHMARK_ROUNDS_H_
