-- What may happen more often since something was rolled out.
CREATE INDEX os_crashes_by_time ON events (series, at_ms)
WHERE series >= 'endpoint.os.crash' AND series < 'endpoint.os.crasi';
CREATE INDEX os_stops_by_time ON events (series, at_ms)
WHERE series >= 'endpoint.os.unclean_stop' AND series < 'endpoint.os.unclean_stoq';
CREATE INDEX app_crashes_by_time ON events (series, at_ms)
WHERE series >= 'endpoint.app.crash' AND series < 'endpoint.app.crasi';
CREATE INDEX app_hangs_by_time ON events (series, at_ms)
WHERE series >= 'endpoint.app.hang' AND series < 'endpoint.app.hanh';
