-- Which collectors this database is of: a digest of the key that they all have.
CREATE TABLE installation (
    key INTEGER PRIMARY KEY,
    naming_sha256 TEXT NOT NULL
);

-- Collectors that work on this database together. A row is one run of one of them, and its right to write: who finds it gone
-- was given up by the others. The one with the lowest number keeps house.
CREATE TABLE replicas (
    number INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    root_sha256 TEXT NOT NULL,              -- the authority's certificate
    beat BIGINT NOT NULL                    -- grows for as long as it is alive
);

-- Who holds each endpoint's stream (a run), and how often that changed hands: who writes for a stream shows this number.
ALTER TABLE endpoint_progress ADD COLUMN epoch BIGINT NOT NULL DEFAULT 0;
ALTER TABLE endpoint_progress ADD COLUMN holder TEXT;

-- The run that sees to a pull; none: whoever holds the stream, or else keeps house, may take it.
ALTER TABLE pulls ADD COLUMN owner TEXT;
-- Who wants it given up, until its owner has done that.
ALTER TABLE pulls ADD COLUMN cancelled_by TEXT;

-- Rights of copied machines to become endpoints of their own.
CREATE TABLE fork_permits (
    name TEXT PRIMARY KEY,
    endpoint_id TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    used BIGINT NOT NULL,
    rival TEXT NOT NULL                     -- JSON object: what the other machine says of its hardware
);
CREATE INDEX fork_permits_by_endpoint ON fork_permits (endpoint_id, at_ms);
