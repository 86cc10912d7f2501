-- The run that a run finally undoes or redoes, through all undos between them; itself, if it is no undo.
WITH RECURSIVE chain (run) AS (
    SELECT %(run)s::bigint
    UNION ALL
    SELECT run.undoes FROM chain JOIN dinamis.run ON run.id = chain.run
    WHERE run.undoes IS NOT NULL
)
SELECT min(run) FROM chain;
