-- Requests for fresh snapshots. A pull that has not ended is taken up again after a restart.
CREATE TABLE pulls (
    id TEXT PRIMARY KEY,
    endpoint_id TEXT NOT NULL,
    ticket TEXT,                            -- FL-1042
    state TEXT NOT NULL,                    -- queued, sent, running, receiving, done, failed, expired, cancelled
    requested_at_ms BIGINT NOT NULL,
    expires_at_ms BIGINT NOT NULL,
    document TEXT NOT NULL                  -- JSON
);
CREATE INDEX pulls_by_state ON pulls (state);
CREATE INDEX pulls_by_ticket ON pulls (ticket, requested_at_ms);
CREATE INDEX pulls_by_endpoint ON pulls (endpoint_id, requested_at_ms);

-- Verified snapshots, byte for byte as they were signed, each with what it said under the catalogue of its day.
CREATE TABLE snapshots (
    id TEXT PRIMARY KEY,
    pull_id TEXT NOT NULL UNIQUE REFERENCES pulls (id),
    endpoint_id TEXT NOT NULL,
    taken_at_ms BIGINT NOT NULL,
    received_at_ms BIGINT NOT NULL,
    document_sha256 TEXT NOT NULL REFERENCES blobs (sha256),
    diagnosis TEXT NOT NULL                 -- JSON
);
CREATE INDEX snapshots_by_endpoint ON snapshots (endpoint_id, taken_at_ms);
