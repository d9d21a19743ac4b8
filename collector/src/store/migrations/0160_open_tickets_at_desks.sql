-- Tickets that are opened from here, and how tickets there stand.
ALTER TABLE desk_tickets ADD COLUMN opening TEXT NOT NULL DEFAULT '';       -- the row of the outbox that opens it; empty: it is there
ALTER TABLE desk_tickets ADD COLUMN state_there TEXT NOT NULL DEFAULT '';   -- in the desk's words, when it was last read
ALTER TABLE desk_tickets ADD COLUMN closing TEXT NOT NULL DEFAULT '';       -- how it ended, in the desk's words
ALTER TABLE desk_tickets ADD COLUMN read_ms BIGINT NOT NULL DEFAULT 0;      -- when it was last read
ALTER TABLE outbox ADD COLUMN opening TEXT NOT NULL DEFAULT '';             -- JSON: the ticket to open; empty for a note or a change
