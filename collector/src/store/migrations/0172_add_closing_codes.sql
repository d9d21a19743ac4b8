ALTER TABLE tickets ADD COLUMN closing TEXT NOT NULL DEFAULT '';    -- how it ended: solved, accepted, otherwise, nothing, duplicate
CREATE INDEX tickets_by_closing ON tickets (closing, number);
