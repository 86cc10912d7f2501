-- Where our own migrations are recorded; it must exist before the first of them.
-- sha256: of the file as it was applied, so that a later change is noticed.
CREATE SCHEMA IF NOT EXISTS dinamis;

CREATE TABLE IF NOT EXISTS dinamis.migration (
    number integer PRIMARY KEY CHECK (number > 0),
    name text NOT NULL,
    sha256 bytea NOT NULL CHECK (octet_length(sha256) = 32),
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
