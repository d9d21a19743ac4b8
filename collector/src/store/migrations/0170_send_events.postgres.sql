-- What goes out to outputs, too: such a row is about no ticket.
ALTER TABLE outbox ALTER COLUMN ticket DROP NOT NULL;
ALTER TABLE outbox ADD COLUMN event TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE outbox ADD COLUMN thread TEXT COLLATE "C" NOT NULL DEFAULT '';
CREATE INDEX outbox_by_thread ON outbox (thread, desk, id);

-- Alerts that an output was told of and that are not over.
CREATE TABLE output_alerts (
    output TEXT COLLATE "C" NOT NULL,       -- its name in the configuration
    alert_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (output, alert_id)
);
