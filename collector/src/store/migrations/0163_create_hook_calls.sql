-- Calls by which desks say that something happened there; each counts once.
CREATE TABLE hook_calls (
    desk TEXT NOT NULL,
    digest TEXT NOT NULL,                   -- of what was signed; of a call that is not signed, a name of its own
    at_ms BIGINT NOT NULL,
    PRIMARY KEY (desk, digest)
);
CREATE INDEX hook_calls_by_time ON hook_calls (desk, at_ms);
