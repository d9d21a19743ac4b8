-- Samples that are no longer new, sealed: a row holds the samples of one endpoint over a few hours, column by column
-- (history/minutes.rs). `samples` keeps what is not sealed yet.
CREATE TABLE sealed_minutes (
    id INTEGER PRIMARY KEY,
    endpoint_key BIGINT NOT NULL,
    from_ms BIGINT NOT NULL,                -- the first and the last moment that it tells of
    to_ms BIGINT NOT NULL,
    received_ms BIGINT NOT NULL,            -- when the newest of it arrived
    body BLOB NOT NULL
);
CREATE INDEX sealed_minutes_by_endpoint ON sealed_minutes (endpoint_key, to_ms, from_ms);

-- The same in steps of five minutes, a day or so in a row (history/rollup.rs), and in steps of an hour.
CREATE TABLE sealed_five_minutes (
    id INTEGER PRIMARY KEY,
    endpoint_key BIGINT NOT NULL,
    from_ms BIGINT NOT NULL,
    to_ms BIGINT NOT NULL,
    received_ms BIGINT NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX sealed_five_minutes_by_endpoint ON sealed_five_minutes (endpoint_key, to_ms, from_ms);
CREATE TABLE sealed_hours (
    id INTEGER PRIMARY KEY,
    endpoint_key BIGINT NOT NULL,
    from_ms BIGINT NOT NULL,
    to_ms BIGINT NOT NULL,
    received_ms BIGINT NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX sealed_hours_by_endpoint ON sealed_hours (endpoint_key, to_ms, from_ms);

-- How far each endpoint's history is sealed and rolled up. Moved in the transaction that stores the result, so that
-- every sample counts once. Rows up to a number here are done with; those of `samples` are deleted later, and never the
-- newest row of a table: its number must not be given again.
CREATE TABLE history_progress (
    endpoint_key INTEGER PRIMARY KEY,
    samples_id BIGINT NOT NULL,             -- samples up to here are sealed
    minutes_id BIGINT NOT NULL,             -- sealed minutes up to here are rolled up
    five_minutes_id BIGINT NOT NULL,        -- sealed five minutes up to here are rolled up
    minutes_since_ms BIGINT,                -- since when sealed minutes wait; none: none do
    five_minutes_since_ms BIGINT
);
