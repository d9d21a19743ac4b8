-- Who was heard in each quarter of an hour: a bit for each endpoint, at the place of its key.
CREATE TABLE presence (
    slot BIGINT PRIMARY KEY,                -- quarters of an hour since 1970
    heard BLOB NOT NULL
);
