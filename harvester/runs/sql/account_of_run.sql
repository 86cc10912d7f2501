-- The account of a run, without its counts and notes.
SELECT
    run.feed,
    feed.location,
    run.started_at,
    run.id AS run,
    run.kind,
    run.state,
    run.is_resumed,
    run.is_everything,
    run.finished_at,
    run.error
FROM dinamis.run
    JOIN dinamis.feed ON feed.name = run.feed
WHERE run.id = %(run)s;
