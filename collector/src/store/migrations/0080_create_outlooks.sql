-- What the method of a check last said of an endpoint's past.
CREATE TABLE outlooks (
    endpoint_key BIGINT NOT NULL,
    check_id TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    document TEXT NOT NULL,                 -- JSON: instances with their numbers, and those of which nothing can be told
    PRIMARY KEY (endpoint_key, check_id)
);
-- Values that methods read and that are told when they change, for as long as hours are kept.
CREATE TABLE state_history (
    id INTEGER PRIMARY KEY,
    endpoint_key BIGINT NOT NULL,
    series TEXT NOT NULL,                   -- printed
    at_ms BIGINT NOT NULL,                  -- since when
    value TEXT NOT NULL                     -- JSON
);
CREATE INDEX state_history_by_endpoint ON state_history (endpoint_key, at_ms);
