-- The certificates of the authority's roots in force, for every collector that works on this database. Never a key.
CREATE TABLE authority_roots (
    key INTEGER PRIMARY KEY,                -- 1
    root BLOB NOT NULL,                     -- DER: the root that signs
    crossed BLOB,                           -- DER: the same key, certified by the root before; proves where it comes from
    root_before BLOB,                       -- DER: trusted until it is retired
    changed_at_ms BIGINT NOT NULL
);

-- Whether a collector has the key of its root, and can enrol and renew.
ALTER TABLE replicas ADD COLUMN key_present BIGINT NOT NULL DEFAULT 1;
