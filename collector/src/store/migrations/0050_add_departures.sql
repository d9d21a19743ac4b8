-- An endpoint that is no more: the machine goes on as this other one (id), or was taken out of service.
ALTER TABLE endpoints ADD COLUMN merged_into TEXT;
ALTER TABLE endpoints ADD COLUMN left_at_ms BIGINT;
