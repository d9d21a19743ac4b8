-- Who read or changed what. Each entry's hash covers the one before, so that no entry can be changed or taken out
-- unseen; the triggers keep honest programs honest.
CREATE TABLE audit_log (
    sequence BIGINT PRIMARY KEY,
    at_ms BIGINT NOT NULL,
    who TEXT COLLATE "C" NOT NULL,
    action TEXT COLLATE "C" NOT NULL,
    object TEXT COLLATE "C" NOT NULL,
    ticket TEXT COLLATE "C" NOT NULL,                   -- empty when it was not for a ticket
    detail TEXT COLLATE "C" NOT NULL,
    address TEXT COLLATE "C" NOT NULL,                  -- where from; empty when it was the collector itself
    hash TEXT COLLATE "C" NOT NULL
);
CREATE INDEX audit_log_by_object ON audit_log (object, sequence);
CREATE INDEX audit_log_by_who ON audit_log (who, sequence);
CREATE FUNCTION audit_log_refuses() RETURNS trigger LANGUAGE plpgsql AS
'BEGIN RAISE EXCEPTION ''the audit log is append-only''; END';
CREATE TRIGGER audit_log_refuses_updates BEFORE UPDATE ON audit_log
FOR EACH ROW EXECUTE FUNCTION audit_log_refuses();
CREATE TRIGGER audit_log_refuses_deletes BEFORE DELETE ON audit_log
FOR EACH ROW EXECUTE FUNCTION audit_log_refuses();
CREATE TRIGGER audit_log_refuses_truncation BEFORE TRUNCATE ON audit_log
FOR EACH STATEMENT EXECUTE FUNCTION audit_log_refuses();
