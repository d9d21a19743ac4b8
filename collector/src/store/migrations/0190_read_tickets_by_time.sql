-- When a ticket of a desk is next read, so that those whose time has come are found without a look at the others.
ALTER TABLE desk_tickets ADD COLUMN next_read_ms BIGINT NOT NULL DEFAULT 0;
CREATE INDEX desk_tickets_by_next_read ON desk_tickets (desk, next_read_ms, ticket);
-- Tickets that are left alone stay so: minutes, hours and days after they were read, for as long as the program says.
UPDATE desk_tickets SET next_read_ms = (SELECT CASE
    WHEN d.read_ms < t.updated_at_ms THEN 0
    WHEN t.state IN ('resolved', 'closed') AND d.read_ms + 86400000 < t.updated_at_ms + 2592000000 THEN d.read_ms + 86400000
    WHEN t.state IN ('resolved', 'closed') THEN 9223372036854775807
    WHEN d.read_ms + 600000 < t.updated_at_ms + 86400000 THEN d.read_ms + 600000
    WHEN d.read_ms + 3600000 < t.updated_at_ms + 604800000 THEN d.read_ms + 3600000
    WHEN d.read_ms + 86400000 < t.updated_at_ms + 31536000000 THEN d.read_ms + 86400000
    ELSE 9223372036854775807 END
    FROM desk_tickets d JOIN tickets t ON t.number = d.ticket WHERE d.ticket = desk_tickets.ticket);
