-- How closed tickets of each symptom ended, as it was counted last: the order of its candidates follows from it.
CREATE TABLE symptom_orders (
    symptom TEXT PRIMARY KEY,
    estimated_at_ms BIGINT NOT NULL,        -- the same in all rows
    tickets BIGINT NOT NULL,                -- that were closed
    document TEXT NOT NULL                  -- JSON: on how many of them each check was confirmed
);
