-- Names are compared in any case of letters: to find one, and to tell whether others have it.
CREATE INDEX endpoints_by_lower_name ON endpoints (LOWER(name));
