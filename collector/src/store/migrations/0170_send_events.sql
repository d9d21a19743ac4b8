-- What goes out to outputs, too: such a row is about no ticket.
CREATE TABLE outbox_rows (
    id TEXT PRIMARY KEY,                    -- also the mark or the id by which it is known there
    desk TEXT NOT NULL,                     -- a desk or an output
    ticket BIGINT REFERENCES tickets (number),
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
    outcome TEXT NOT NULL,                  -- JSON: what became of a note and its files
    opening TEXT NOT NULL DEFAULT '',       -- JSON: the ticket to open; empty for anything else
    event TEXT NOT NULL DEFAULT '',         -- JSON: what an output is told; empty for what a desk is told
    thread TEXT NOT NULL DEFAULT ''         -- what an event is about: events of one thread go out in order
);
INSERT INTO outbox_rows (id, desk, ticket, note_id, change, state, attempts, unclear, run_id, made_ms, next_ms, changed_ms,
    said, outcome, opening)
SELECT id, desk, ticket, note_id, change, state, attempts, unclear, run_id, made_ms, next_ms, changed_ms, said, outcome, opening
FROM outbox;
DROP TABLE outbox;
ALTER TABLE outbox_rows RENAME TO outbox;
CREATE INDEX outbox_by_state ON outbox (state, desk, id);
CREATE INDEX outbox_by_ticket ON outbox (ticket, id);
CREATE INDEX outbox_by_thread ON outbox (thread, desk, id);

-- Alerts that an output was told of and that are not over.
CREATE TABLE output_alerts (
    output TEXT NOT NULL,                   -- its name in the configuration
    alert_id TEXT NOT NULL,
    PRIMARY KEY (output, alert_id)
);
