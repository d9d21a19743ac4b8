-- Who read or changed what. Each entry's hash covers the one before, so that no entry can be changed or taken out
-- unseen; the triggers keep honest programs honest.
CREATE TABLE audit_log (
    sequence BIGINT PRIMARY KEY,
    at_ms BIGINT NOT NULL,
    who TEXT NOT NULL,
    action TEXT NOT NULL,
    object TEXT NOT NULL,
    ticket TEXT NOT NULL,                   -- empty when it was not for a ticket
    detail TEXT NOT NULL,
    address TEXT NOT NULL,                  -- where from; empty when it was the collector itself
    hash TEXT NOT NULL
);
CREATE INDEX audit_log_by_object ON audit_log (object, sequence);
CREATE INDEX audit_log_by_who ON audit_log (who, sequence);
CREATE TRIGGER audit_log_refuses_updates BEFORE UPDATE ON audit_log
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_log_refuses_deletes BEFORE DELETE ON audit_log
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
