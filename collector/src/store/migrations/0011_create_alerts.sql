-- Findings that people are told about. What lists filter by stands in columns, the rest in the document.
CREATE TABLE alerts (
    id TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    check_id TEXT NOT NULL,
    endpoint_id TEXT NOT NULL,
    state TEXT NOT NULL,                    -- firing, acknowledged, silenced, resolved
    severity BIGINT NOT NULL,               -- 1 info to 5 critical
    fired_at_ms BIGINT NOT NULL,
    resolved_at_ms BIGINT,
    document TEXT NOT NULL                  -- JSON
);
CREATE INDEX alerts_by_fired ON alerts (fired_at_ms, id);
CREATE INDEX alerts_by_endpoint ON alerts (endpoint_id, resolved_at_ms);

-- The life of each alert.
CREATE TABLE alert_changes (
    id INTEGER PRIMARY KEY,
    alert_id TEXT NOT NULL REFERENCES alerts (id),
    at_ms BIGINT NOT NULL,
    change TEXT NOT NULL,
    by_whom TEXT NOT NULL,
    note TEXT NOT NULL
);
CREATE INDEX alert_changes_by_alert ON alert_changes (alert_id, id);

-- The newest decision about each finding, told or not.
CREATE TABLE alert_decisions (
    fingerprint TEXT PRIMARY KEY,
    check_id TEXT NOT NULL,
    endpoint_id TEXT NOT NULL,
    instance TEXT NOT NULL,
    told BIGINT NOT NULL,
    stage TEXT NOT NULL,
    reason TEXT NOT NULL,
    words TEXT NOT NULL,
    at_ms BIGINT NOT NULL
);
CREATE INDEX alert_decisions_by_endpoint ON alert_decisions (endpoint_id);

CREATE TABLE silences (
    id TEXT PRIMARY KEY,
    matchers TEXT NOT NULL,                 -- JSON
    by_whom TEXT NOT NULL,
    comment TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    until_ms BIGINT NOT NULL
);
CREATE INDEX silences_by_until ON silences (until_ms);
