-- What was mended, and when it is looked at again. A row goes when its result is on the ticket.
CREATE TABLE retests (
    id TEXT PRIMARY KEY,                    -- pull and span
    pull_id TEXT NOT NULL,                  -- the pull that showed it mended
    ticket TEXT NOT NULL,                   -- FL-1042
    endpoint_id TEXT NOT NULL,
    span TEXT NOT NULL,                     -- 1 hour, 24 hours, 7 days
    due_ms BIGINT NOT NULL,
    mended TEXT NOT NULL                    -- JSON: what was found then and was gone
);
CREATE INDEX retests_by_due ON retests (due_ms);
CREATE INDEX retests_by_ticket ON retests (ticket, endpoint_id);
