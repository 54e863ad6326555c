// Poolers between a server and PostgreSQL. Private to gallery/.
#ifndef LIKENESS_SERVER_GALLERY_POSTGRES_POOLER_H_
#define LIKENESS_SERVER_GALLERY_POSTGRES_POOLER_H_

#include "server/gallery/postgres_connection.h"

namespace likeness {

// Throws std::runtime_error where a pooler gives each transaction to whichever of its sessions is free, as pgbouncer
// does with pool_mode = transaction. Notifications, prepared statements and a session's limits would belong to
// somebody else's session. A pooler that keeps sessions together, and none at all, are fine.
void RefuseTransactionPooling(PostgresHosts& hosts, const PostgresLimits& limits);

}  // namespace likeness

#endif  // LIKENESS_SERVER_GALLERY_POSTGRES_POOLER_H_
