-- Runs are undone in any order: a run is undone while an undo of it is not, and a record says what the last run said of it
-- that is neither undone nor an undo. So each undo knows what it undoes, where a run knew its last undo alone.

ALTER TABLE dinamis.run ADD COLUMN undoes bigint REFERENCES dinamis.run;
COMMENT ON COLUMN dinamis.run.undoes IS 'The run that an undo puts back.';
UPDATE dinamis.run SET undoes = undone.id FROM dinamis.run AS undone WHERE undone.undone_by = run.id;
CREATE INDEX run_undoes_idx ON dinamis.run (undoes) WHERE undoes IS NOT NULL;

-- From the beginning of an undo, so that all that is put back while it is half done is put back to where it leads.
CREATE OR REPLACE FUNCTION dinamis.undone_by(bigint) RETURNS bigint
LANGUAGE sql STABLE AS $$
    SELECT max(undo.id) FROM dinamis.run AS undo WHERE undo.undoes = $1 AND dinamis.undone_by(undo.id) IS NULL
$$;

CREATE OR REPLACE VIEW dinamis.undone AS
SELECT
    id AS run,
    feed,
    dinamis.undone_by(id) AS undone_by
FROM dinamis.run
WHERE id IN (SELECT undoes FROM dinamis.run) AND dinamis.undone_by(id) IS NOT NULL;

ALTER TABLE dinamis.run DROP COLUMN undone_by;

CREATE VIEW dinamis.run_without_say AS
SELECT id AS run FROM dinamis.run
WHERE kind = 'undo' OR id IN (SELECT undone.run FROM dinamis.undone);
COMMENT ON VIEW dinamis.run_without_say IS 'Each run that does not tell how records and Items are to stand: those that are undone, and undos.';
GRANT SELECT ON dinamis.run_without_say TO dinamis_harvest;

CREATE OR REPLACE FUNCTION dinamis.lasting_versions(bigint) RETURNS SETOF dinamis.record_version
LANGUAGE sql STABLE AS $$
    SELECT * FROM dinamis.record_version
    WHERE run = $1 OR (run = ANY(ARRAY(SELECT without.run FROM dinamis.run_without_say AS without))) IS NOT TRUE
$$;
COMMENT ON FUNCTION dinamis.lasting_versions(bigint) IS
'The versions of records, but those of runs that are undone, and of undos; those of a given run count.';
