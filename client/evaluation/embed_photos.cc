#include "client/evaluation/embed_photos.h"

#include <atomic>
#include <cstddef>
#include <thread>
#include <utility>

namespace likeness {

PhotoEmbeddings EmbedPhotos(const std::vector<std::string>& photos, int jobs,
                            const std::function<absl::StatusOr<v1::EmbedResponse>(const std::string&)>& embed,
                            const std::function<void()>& on_photo_done) {
  std::vector<absl::StatusOr<v1::EmbedResponse>> results(photos.size());
  std::atomic<size_t> next = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < jobs; ++i) {
      threads.emplace_back([&] {
        for (size_t photo = next++; photo < photos.size(); photo = next++) {
          results[photo] = embed(photos[photo]);
          on_photo_done();
        }
      });
    }
  }  // joins
  PhotoEmbeddings embeddings;
  for (size_t i = 0; i < photos.size(); ++i) embeddings.insert_or_assign(photos[i], std::move(results[i]));
  return embeddings;
}

}  // namespace likeness
