ALTER TABLE tickets ADD COLUMN handed_to TEXT NOT NULL DEFAULT '';  -- the queue that it was handed over to; empty: to none
