-- What goes out to other desks. A row is made together with what it tells.
CREATE TABLE outbox (
    id TEXT PRIMARY KEY,                    -- also the mark by which it is found again at the desk
    desk TEXT NOT NULL,
    ticket BIGINT NOT NULL REFERENCES tickets (number),
    note_id TEXT REFERENCES ticket_notes (id),
    change TEXT NOT NULL,                   -- JSON: fields and what they become; empty for a note
    state TEXT NOT NULL,                    -- waiting, sending, done, failed, dropped
    attempts BIGINT NOT NULL,
    unclear BIGINT NOT NULL,                -- 1: an earlier attempt may have been carried out
    run_id TEXT NOT NULL,                   -- which run of a collector sends it; empty: none
    made_ms BIGINT NOT NULL,
    next_ms BIGINT NOT NULL,
    changed_ms BIGINT NOT NULL,
    said TEXT NOT NULL,                     -- the desk's own words
    outcome TEXT NOT NULL                   -- JSON: what became of a note and its files
);
CREATE INDEX outbox_by_state ON outbox (state, desk, id);
CREATE INDEX outbox_by_ticket ON outbox (ticket, id);
