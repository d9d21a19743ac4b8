-- One cause seen on many endpoints. What lists filter by stands in columns, the rest in the document.
CREATE TABLE incidents (
    id TEXT PRIMARY KEY,
    check_id TEXT NOT NULL,
    state TEXT NOT NULL,                    -- open, closed
    opened_at_ms BIGINT NOT NULL,
    calm_since_ms BIGINT,                   -- since when it looks over; NULL while it does not
    closed_at_ms BIGINT,
    document TEXT NOT NULL                  -- JSON
);
CREATE INDEX incidents_by_state ON incidents (state, opened_at_ms);

-- The endpoints of each. Who was one stays one.
CREATE TABLE incident_members (
    incident_id TEXT NOT NULL REFERENCES incidents (id),
    endpoint_id TEXT NOT NULL,
    joined_at_ms BIGINT NOT NULL,
    PRIMARY KEY (incident_id, endpoint_id)
);
CREATE INDEX incident_members_by_endpoint ON incident_members (endpoint_id);

-- What many endpoints say of one signal.
CREATE INDEX inventory_by_series ON inventory (series);
