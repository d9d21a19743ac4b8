-- When a series was first told. NULL: from before this was written down.
ALTER TABLE inventory ADD COLUMN first_ms BIGINT;

-- What machines say of their hardware, one row for each hash, so that a machine that comes again is found at once.
CREATE TABLE hardware_keys (
    kind TEXT COLLATE "C" NOT NULL,         -- product_uuid, serial, board_serial
    value TEXT COLLATE "C" NOT NULL,        -- keyed hash
    endpoint_key BIGINT NOT NULL,
    PRIMARY KEY (kind, value, endpoint_key)
);
CREATE INDEX hardware_keys_by_endpoint ON hardware_keys (endpoint_key);
INSERT INTO hardware_keys (kind, value, endpoint_key)
SELECT said.key, said.value, endpoints.key
FROM endpoints CROSS JOIN LATERAL json_each_text(CAST(endpoints.hardware AS JSON)) AS said (key, value)
WHERE said.key IN ('product_uuid', 'serial', 'board_serial');

-- Where an endpoint's tags come from. `endpoints.tags` holds what follows from these rows: a rule's tag counts, else a
-- person's, else a token's.
CREATE TABLE endpoint_tags (
    endpoint_key BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    source TEXT COLLATE "C" NOT NULL,       -- token, person, rule
    value TEXT COLLATE "C" NOT NULL,
    origin TEXT COLLATE "C" NOT NULL,       -- the token's id, the person's name, the rule's name
    why TEXT COLLATE "C" NOT NULL,          -- what a rule matched; else empty
    at_ms BIGINT NOT NULL,
    PRIMARY KEY (endpoint_key, name, source)
);
INSERT INTO endpoint_tags (endpoint_key, name, source, value, origin, why, at_ms)
SELECT endpoints.key, tag.key, 'token', tag.value, COALESCE(endpoints.token_id, ''), '', endpoints.enrolled_at_ms
FROM endpoints CROSS JOIN LATERAL json_each_text(CAST(endpoints.tags AS JSON)) AS tag (key, value);
