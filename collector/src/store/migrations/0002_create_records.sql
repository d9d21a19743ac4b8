-- Lists of series that samples follow, named by their fingerprint (64 bits, as a signed number).
CREATE TABLE layouts (
    fingerprint BIGINT PRIMARY KEY,
    series TEXT NOT NULL,                   -- JSON array of printed series
    used_ms BIGINT NOT NULL                 -- when an endpoint last announced it
);

-- Numbers of one minute each, in order of arrival: `id` only grows, so that writing is appending and forgetting takes
-- away one end.
CREATE TABLE samples (
    id INTEGER PRIMARY KEY,
    endpoint_key BIGINT NOT NULL,
    at_ms BIGINT NOT NULL,
    step_seconds BIGINT NOT NULL,
    layout BIGINT NOT NULL,
    row BLOB NOT NULL,                      -- 32-bit floats, little endian, in the layout's order; NaN: none
    absences BLOB,                          -- per reason: index (32 bits, little endian) and reason (1 byte)
    received_ms BIGINT NOT NULL
);
CREATE INDEX samples_by_endpoint ON samples (endpoint_key, at_ms);

CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    endpoint_key BIGINT NOT NULL,
    at_ms BIGINT NOT NULL,
    series TEXT NOT NULL,                   -- printed
    fields TEXT NOT NULL,                   -- JSON object
    count BIGINT NOT NULL,
    received_ms BIGINT NOT NULL
);
CREATE INDEX events_by_endpoint ON events (endpoint_key, at_ms);

-- State: the current value of each series, and what it was before.
CREATE TABLE inventory (
    endpoint_key BIGINT NOT NULL,
    series TEXT NOT NULL,                   -- printed
    outcome TEXT NOT NULL,                  -- JSON: {"value": ..} or {"why": .., "detail": ..}
    at_ms BIGINT NOT NULL,
    PRIMARY KEY (endpoint_key, series)
);
CREATE TABLE inventory_changes (
    id INTEGER PRIMARY KEY,
    endpoint_key BIGINT NOT NULL,
    series TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    outcome_before TEXT NOT NULL,
    outcome_after TEXT NOT NULL
);
CREATE INDEX inventory_changes_by_endpoint ON inventory_changes (endpoint_key, at_ms);

CREATE TABLE marks (
    id INTEGER PRIMARY KEY,
    endpoint_key BIGINT NOT NULL,
    at_ms BIGINT NOT NULL,
    mark TEXT NOT NULL,
    received_ms BIGINT NOT NULL
);
CREATE INDEX marks_by_endpoint ON marks (endpoint_key, at_ms);

-- Gaps that an endpoint declared: records that did not fit its spool.
CREATE TABLE gaps (
    id INTEGER PRIMARY KEY,
    endpoint_key BIGINT NOT NULL,
    first_sequence BIGINT NOT NULL,
    last_sequence BIGINT NOT NULL,
    samples BIGINT NOT NULL,
    others BIGINT NOT NULL,
    at_ms BIGINT NOT NULL
);
CREATE INDEX gaps_by_endpoint ON gaps (endpoint_key, at_ms);
