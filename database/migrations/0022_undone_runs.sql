-- An undo can be undone, and that again: which runs are undone follows from the whole chain.

CREATE FUNCTION dinamis.undone_by(bigint) RETURNS bigint
LANGUAGE sql STABLE AS $$
    SELECT run.undone_by FROM dinamis.run
    WHERE run.id = $1 AND run.undone_by IS NOT NULL AND NOT EXISTS (
        SELECT FROM dinamis.run AS undo JOIN dinamis.run AS again ON again.id = undo.undone_by
        WHERE undo.id = run.undone_by AND again.state = 'succeeded' AND dinamis.undone_by(undo.id) IS NOT NULL
    )
$$;
COMMENT ON FUNCTION dinamis.undone_by(bigint) IS 'The run that undid a run; null where it is in force, also where that was undone in its turn.';

CREATE VIEW dinamis.undone AS
SELECT
    id AS run,
    feed,
    dinamis.undone_by(id) AS undone_by
FROM dinamis.run
WHERE undone_by IS NOT NULL AND dinamis.undone_by(id) IS NOT NULL;
COMMENT ON VIEW dinamis.undone IS 'Each run that is undone, and the one that undid it.';
GRANT SELECT ON dinamis.undone TO dinamis_harvest;
