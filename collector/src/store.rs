//! The database: connection, migrations, one writer in batches, a pool for reads.
