-- An undo puts back what records said before a run: what they said in runs that were undone, and in undoings, is not that.

CREATE FUNCTION dinamis.lasting_versions(bigint) RETURNS SETOF dinamis.record_version
LANGUAGE sql STABLE AS $$
    SELECT said.* FROM dinamis.record_version AS said WHERE NOT EXISTS (
        SELECT FROM dinamis.undone JOIN dinamis.record_version AS back ON back.run = undone.undone_by
        WHERE back.record = said.record AND said.run IN (undone.run, undone.undone_by) AND undone.undone_by != $1
    )
$$;
COMMENT ON FUNCTION dinamis.lasting_versions(bigint) IS
'The versions of records, but those of runs that were undone, and those by which they were; what a given run undid counts.';
REVOKE ALL ON FUNCTION dinamis.lasting_versions FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dinamis.lasting_versions TO dinamis_harvest;
