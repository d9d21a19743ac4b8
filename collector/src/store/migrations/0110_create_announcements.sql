-- What was decided about telling people of an alert, on the day of the decision. Quotas are counted here.
CREATE TABLE announcements (
    alert_id TEXT PRIMARY KEY,
    endpoint_id TEXT NOT NULL,
    check_id TEXT NOT NULL,
    day BIGINT NOT NULL,                    -- days since 1970, UTC
    outcome TEXT NOT NULL,                  -- announced, rolled_up; in_incident: told with its incident, which gives its place back
    to_user BIGINT NOT NULL,                -- 1: the endpoint's user may be told, too
    at_ms BIGINT NOT NULL
);
CREATE INDEX announcements_by_day ON announcements (day, outcome);
