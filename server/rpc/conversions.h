// From the rooms' plain structs to the messages of the public contract. Pure functions.
#ifndef LIKENESS_SERVER_RPC_CONVERSIONS_H_
#define LIKENESS_SERVER_RPC_CONVERSIONS_H_

#include "likeness/v1/types.pb.h"
#include "server/embedding/embedder.h"
#include "server/gallery/store.h"
#include "server/image/face.h"
#include "server/verification/decision.h"

namespace likeness {

v1::Face ToProto(const Face& face);
v1::Threshold ToProto(const Threshold& threshold);
v1::Reference ToProto(const ReferenceRecord& reference);
v1::Person ToProto(const PersonRecord& person);
v1::Model ModelOf(const Embedder& embedder);

}  // namespace likeness

#endif  // LIKENESS_SERVER_RPC_CONVERSIONS_H_
