-- Workstations with an agent. `key` is internal and small; `id` is the identity that certificates name.
CREATE TABLE endpoints (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    os_type TEXT NOT NULL,
    os_name TEXT NOT NULL,
    os_version TEXT NOT NULL,
    os_build_id TEXT NOT NULL,
    users TEXT NOT NULL,                    -- JSON array of names
    tags TEXT NOT NULL,                     -- JSON object of texts
    hardware TEXT NOT NULL,                 -- JSON object: evidence for matching
    agent_version TEXT NOT NULL,
    boot_id TEXT NOT NULL,
    state TEXT NOT NULL,                    -- online, asleep, silent, offline, revoked
    worst_severity BIGINT NOT NULL,         -- 0 none, 1 info to 5 critical
    enrolled_at_ms BIGINT NOT NULL,
    last_seen_ms BIGINT,
    paused BIGINT NOT NULL,                 -- 1 when it said that it would pause
    revoked_at_ms BIGINT,
    token_id TEXT                           -- the enrolment token it came with
);
CREATE INDEX endpoints_by_name ON endpoints (name, id);
CREATE INDEX endpoints_by_last_seen ON endpoints (last_seen_ms, id);

-- Where each endpoint's numbered records stand. Written with every batch, so it is a narrow table of its own.
CREATE TABLE endpoint_progress (
    endpoint_key INTEGER PRIMARY KEY REFERENCES endpoints (key),
    stored_sequence BIGINT NOT NULL,
    dropped_samples BIGINT NOT NULL,
    dropped_others BIGINT NOT NULL
);

-- Certificates that were issued to endpoints. Serials are hexadecimal.
CREATE TABLE certificates (
    serial TEXT PRIMARY KEY,
    endpoint_key BIGINT NOT NULL REFERENCES endpoints (key),
    issued_at_ms BIGINT NOT NULL,
    expires_at_ms BIGINT NOT NULL,
    revoked_at_ms BIGINT
);
CREATE INDEX certificates_by_endpoint ON certificates (endpoint_key);

-- Enrolment tokens. Only the digest of the secret is kept.
CREATE TABLE enrollment_tokens (
    id TEXT PRIMARY KEY,
    secret_sha256 TEXT NOT NULL UNIQUE,
    uses_allowed BIGINT NOT NULL,
    uses BIGINT NOT NULL,
    tags TEXT NOT NULL,                     -- JSON object of texts
    created_by TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    expires_at_ms BIGINT NOT NULL,
    revoked_at_ms BIGINT
);
