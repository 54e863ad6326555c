// The tables of a gallery in PostgreSQL. Private to gallery/.
#ifndef LIKENESS_SERVER_GALLERY_POSTGRES_SCHEMA_H_
#define LIKENESS_SERVER_GALLERY_POSTGRES_SCHEMA_H_

#include "server/gallery/postgres_connection.h"

namespace likeness {

// Creates the tables in the first schema of the connection's search path, or brings older ones up to date, in one
// transaction; any number of servers may do so at once. Where they are up to date, reading them is enough. Throws
// std::runtime_error when they are of a newer likeness.
void MigratePostgres(PostgresConnection& connection);

}  // namespace likeness

#endif  // LIKENESS_SERVER_GALLERY_POSTGRES_SCHEMA_H_
