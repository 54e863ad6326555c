// From the configuration to the gallery that it names.
#ifndef LIKENESS_SERVER_GALLERY_OPENER_H_
#define LIKENESS_SERVER_GALLERY_OPENER_H_

#include <memory>

#include "absl/status/statusor.h"
#include "server/config/server_config.h"
#include "server/gallery/gallery.h"
#include "server/telemetry/metrics.h"

namespace likeness {

// Errors say what is wrong with the file, the database or the master keys. `metrics` must outlive the gallery.
absl::StatusOr<std::unique_ptr<Gallery>> OpenGallery(const ServerConfig& config, Metrics& metrics);

}  // namespace likeness

#endif  // LIKENESS_SERVER_GALLERY_OPENER_H_
