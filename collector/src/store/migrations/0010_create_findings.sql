-- Where each check stands on each instance of each endpoint, as last moved. Rows that are ok stay as recent past.
CREATE TABLE findings (
    endpoint_id TEXT NOT NULL,
    check_id TEXT NOT NULL,
    instance TEXT NOT NULL,
    state TEXT NOT NULL,                    -- ok, pending, active, recovering, stale, unknown
    severity BIGINT NOT NULL,               -- 1 info to 5 critical
    onset_ms BIGINT NOT NULL,
    changed_ms BIGINT NOT NULL,
    document TEXT NOT NULL,                 -- JSON: the finding with its evidence
    PRIMARY KEY (endpoint_id, check_id, instance)
);
CREATE INDEX findings_by_state ON findings (state, check_id);
