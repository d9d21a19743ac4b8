-- Diagnoses that were written onto tickets, for reports and for outputs.
CREATE TABLE diagnoses (
    id INTEGER PRIMARY KEY,
    pull_id TEXT NOT NULL UNIQUE,
    ticket BIGINT NOT NULL REFERENCES tickets (number),
    endpoint_id TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    check_id TEXT NOT NULL,                 -- of the finding that is the answer; empty when there is none
    model TEXT NOT NULL,                    -- of the machine then; empty when it was not told
    site TEXT NOT NULL,                     -- its tag then
    build TEXT NOT NULL,                    -- of its system then
    document TEXT NOT NULL                  -- JSON: what outputs are told
);
CREATE INDEX diagnoses_by_ticket ON diagnoses (ticket, at_ms);
CREATE INDEX diagnoses_by_time ON diagnoses (at_ms);
CREATE INDEX tickets_by_time ON tickets (opened_at_ms);
