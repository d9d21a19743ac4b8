-- Which other endpoints changed in the same way, or installed the same.
CREATE INDEX inventory_changes_by_series ON inventory_changes (series, at_ms);
CREATE INDEX software_changes_by_series ON events (series, at_ms) 
WHERE series >= 'endpoint.software.change' AND series < 'endpoint.software.changf';
