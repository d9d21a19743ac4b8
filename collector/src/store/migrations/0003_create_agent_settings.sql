-- What agents are asked to collect: one row, and its revision.
CREATE TABLE agent_settings (
    key INTEGER PRIMARY KEY,
    revision BIGINT NOT NULL,
    settings TEXT NOT NULL                  -- JSON
);
