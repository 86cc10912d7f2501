-- When the last good run of a feed began whose effect neither an undo nor a retirement of its source has taken away.
-- These may have overlapped with it, or been resumed after it. They are few, and looked for once, not for each run.
WITH forgotten AS MATERIALIZED (
    SELECT
        undone.run AS since,
        coalesce(undoing.finished_at, 'infinity') AS until
    FROM dinamis.undone JOIN dinamis.run AS undoing ON undoing.id = undone.undone_by
    WHERE undone.feed = %(feed)s
    UNION ALL
    SELECT
        0,
        coalesce(finished_at, 'infinity')
    FROM dinamis.run
    WHERE feed = %(feed)s AND kind = 'retire' AND dinamis.undone_by(id) IS NULL
)
SELECT max(started_at)
FROM dinamis.good_run AS good
WHERE feed = %(feed)s
    AND NOT EXISTS (SELECT FROM forgotten WHERE good.id >= since AND good.started_at < until);
