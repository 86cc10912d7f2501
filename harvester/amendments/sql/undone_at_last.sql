-- The run of which a run undoes and redoes what it did, through all undos between; itself, if it is none.
WITH RECURSIVE chain (run) AS (
    SELECT %(run)s::bigint
    UNION ALL
    SELECT run.undoes FROM chain JOIN dinamis.run ON run.id = chain.run
    WHERE run.undoes IS NOT NULL
)
SELECT min(run) FROM chain;
