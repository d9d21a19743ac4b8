-- People who may sign in. Names are lower case.
CREATE TABLE accounts (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL,
    password TEXT NOT NULL,                 -- Argon2id, PHC form
    created_at_ms BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    disabled_at_ms BIGINT
);

-- Who is signed in: browsers and commands. Only the digest of the token is kept.
CREATE TABLE sessions (
    token_sha256 TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    kind TEXT NOT NULL,                     -- browser or command
    created_at_ms BIGINT NOT NULL,
    seen_at_ms BIGINT NOT NULL,
    expires_at_ms BIGINT NOT NULL,
    revoked_at_ms BIGINT
);
CREATE INDEX sessions_by_account ON sessions (account_id);
