-- After a restore no change gets a number that one had which is lost: who follows the changes may know that one.
CREATE TABLE dinamis.restoration (
    restored_at timestamptz PRIMARY KEY,
    last_kept bigint NOT NULL,
    last_lost bigint NOT NULL
);
COMMENT ON TABLE dinamis.restoration IS 'Each time that the catalogue was restored from a backup or a copy.';
COMMENT ON COLUMN dinamis.restoration.last_kept IS 'The latest change in the backup.';
COMMENT ON COLUMN dinamis.restoration.last_lost IS 'Up to this number changes after the backup may have been numbered; since the restore none is.';
GRANT SELECT ON dinamis.restoration TO dinamis_api;

CREATE FUNCTION dinamis.note_restoration() RETURNS void
LANGUAGE sql AS $$
    -- The backup does not tell how many were lost: never as many as microseconds have passed.
    INSERT INTO dinamis.restoration
    SELECT
        now(),
        last_value - (NOT is_called)::integer,
        setval('dinamis.change', greatest(last_value, (extract(epoch FROM now()) * 1000000)::bigint))
    FROM dinamis.change
$$;
COMMENT ON FUNCTION dinamis.note_restoration() IS 'To be called once after each restore, before anything is harvested.';
