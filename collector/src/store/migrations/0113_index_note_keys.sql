-- Tickets that were told something of one kind.
CREATE INDEX ticket_notes_by_key ON ticket_notes (dedup_key);
