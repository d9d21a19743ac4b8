-- Where an endpoint came from when it was not a token alone: ids of other endpoints.
ALTER TABLE endpoints ADD COLUMN forked_from TEXT;      -- it is a copy of this one, which had the same key
ALTER TABLE endpoints ADD COLUMN same_hardware_as TEXT; -- the machine had been enrolled before, as this one
CREATE INDEX endpoints_by_origin ON endpoints (forked_from);
