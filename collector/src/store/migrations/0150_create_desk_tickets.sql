-- Tickets of other desks that have a page here.
CREATE TABLE desk_tickets (
    ticket BIGINT PRIMARY KEY REFERENCES tickets (number),
    desk TEXT NOT NULL,                     -- its name in the configuration
    display_number TEXT NOT NULL,           -- what people type there
    api_id TEXT NOT NULL,                   -- what addresses need there
    url TEXT NOT NULL,
    queue TEXT NOT NULL,
    device TEXT NOT NULL,                   -- what its field for the device holds
    due_ms BIGINT,
    attended BIGINT NOT NULL,               -- 0: nobody has seen to it that it is diagnosed
    why TEXT NOT NULL,                      -- why it is about its endpoint; empty when a person said so
    UNIQUE (desk, api_id)
);
CREATE INDEX desk_tickets_by_attended ON desk_tickets (attended, ticket);

-- Up to where the new tickets of a desk were looked at.
CREATE TABLE desk_marks (
    desk TEXT PRIMARY KEY,
    mark TEXT NOT NULL,
    at_ms BIGINT NOT NULL
);
