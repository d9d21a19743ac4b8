-- Tickets that alerts opened.
CREATE TABLE alert_tickets (
    ticket BIGINT PRIMARY KEY REFERENCES tickets (number),
    fingerprint TEXT NOT NULL,              -- of the alert: the same trouble has the same for ever
    check_id TEXT NOT NULL,
    alert_id TEXT NOT NULL,                 -- the alert that it was last told of
    fired_ms BIGINT NOT NULL,               -- when that fired
    incident_id TEXT,                       -- the incident that it is the ticket of
    endpoints BIGINT NOT NULL,              -- how many endpoints of the incident it was told of
    when_over TEXT NOT NULL,                -- note, resolve, nothing
    over_ms BIGINT,                         -- when it was told that it is over; NULL: it is not
    resolved_here BIGINT NOT NULL,          -- 1: resolved since it was over, by nobody
    undiagnosed BIGINT NOT NULL,            -- 1: its endpoint is still to be asked
    verdict TEXT NOT NULL,                  -- useful, not_useful, passed; empty while it is open
    closing TEXT NOT NULL                   -- how it ended, in the desk's words
);
CREATE INDEX alert_tickets_by_fingerprint ON alert_tickets (fingerprint, ticket);
CREATE INDEX alert_tickets_by_alert ON alert_tickets (alert_id);
CREATE INDEX alert_tickets_by_verdict ON alert_tickets (verdict, check_id);
