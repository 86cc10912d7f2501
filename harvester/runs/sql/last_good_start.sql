-- When the last good run of a feed began whose effect neither an undo nor a retirement of its source has taken away.
-- These may have overlapped with it, or been resumed after it.
SELECT max(started_at)
FROM dinamis.good_run AS good
WHERE feed = %(feed)s
    AND NOT EXISTS (
        SELECT FROM dinamis.undone JOIN dinamis.run AS undoing ON undoing.id = undone.undone_by
        WHERE undone.feed = good.feed AND good.id >= undone.run
            AND good.started_at < coalesce(undoing.finished_at, 'infinity')
    )
    AND NOT EXISTS (
        SELECT FROM dinamis.run AS later
        WHERE later.feed = good.feed AND good.started_at < coalesce(later.finished_at, 'infinity')
            AND later.kind = 'retire' AND dinamis.undone_by(later.id) IS NULL
    );
