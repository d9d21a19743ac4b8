-- Numbers of records that are stored although older ones are still to come, until their turn comes.
CREATE TABLE records_ahead (
    endpoint_key BIGINT NOT NULL,
    sequence BIGINT NOT NULL,
    PRIMARY KEY (endpoint_key, sequence)
);
