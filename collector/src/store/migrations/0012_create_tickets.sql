-- The built-in desk. All texts are plain text; nothing is stored as mark-up.
CREATE TABLE tickets (
    number BIGINT PRIMARY KEY,              -- FL-<number>
    subject TEXT NOT NULL,
    body TEXT NOT NULL,
    requester_name TEXT NOT NULL,
    requester_email TEXT NOT NULL,
    requester_sign_in TEXT NOT NULL,
    endpoint_id TEXT,
    state TEXT NOT NULL,                    -- new, open, pending, resolved, closed
    category TEXT NOT NULL,
    impact TEXT,                            -- I1 to I3
    urgency TEXT,                           -- U1 to U3
    opened_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    opened_by TEXT NOT NULL
);
CREATE INDEX tickets_by_endpoint ON tickets (endpoint_id, number);
CREATE INDEX tickets_by_sign_in ON tickets (requester_sign_in, number);
CREATE INDEX tickets_by_email ON tickets (requester_email, number);

CREATE TABLE ticket_notes (
    id TEXT PRIMARY KEY,
    ticket BIGINT NOT NULL REFERENCES tickets (number),
    author TEXT NOT NULL,
    visibility TEXT NOT NULL,               -- private, public
    at_ms BIGINT NOT NULL,
    body TEXT NOT NULL,                     -- JSON: neutral rich text
    pull_id TEXT,                           -- the pull that wrote it
    dedup_key TEXT,                         -- a second note with this key is the first one
    UNIQUE (ticket, dedup_key)
);
CREATE INDEX ticket_notes_by_ticket ON ticket_notes (ticket, at_ms);

CREATE TABLE blobs (
    sha256 TEXT PRIMARY KEY,
    bytes BLOB NOT NULL
);

CREATE TABLE attachments (
    id TEXT PRIMARY KEY,
    ticket BIGINT NOT NULL REFERENCES tickets (number),
    note_id TEXT REFERENCES ticket_notes (id),
    name TEXT NOT NULL,
    media_type TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    sha256 TEXT NOT NULL REFERENCES blobs (sha256),
    at_ms BIGINT NOT NULL
);
CREATE INDEX attachments_by_ticket ON attachments (ticket, at_ms);
