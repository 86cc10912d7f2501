-- The undos and renamings, and of each feed the last retirement and the last replay, that have neither succeeded nor
-- been cancelled or undone; with the run that each undoes, or the former name of the source.
SELECT
    run.id AS run,
    run.feed,
    run.kind,
    run.state,
    run.error,
    greatest(run.started_at, max(part.heartbeat_at)) AS heartbeat_at,
    coalesce(max(renamed.subject), run.undoes::text) AS former
FROM dinamis.run
    JOIN dinamis.run_part AS part ON part.run = run.id
    LEFT JOIN dinamis.run_note AS renamed ON renamed.run = run.id AND renamed.kind = 'renamed'
WHERE run.kind IN ('undo', 'retire', 'rename', 'replay') AND run.state IN ('running', 'failed')
    AND NOT EXISTS (SELECT FROM dinamis.undone WHERE undone.run = run.id)
    AND NOT EXISTS (
        SELECT FROM dinamis.run AS later
        WHERE later.feed = run.feed AND later.kind = run.kind AND later.kind IN ('retire', 'replay')
            AND later.id > run.id
    )
GROUP BY run.id
ORDER BY run.id;
