-- When the last good run of a feed began that no undoing made forget what it saw, and no retirement of its source.
SELECT max(started_at)
FROM dinamis.good_run AS good
WHERE feed = %(feed)s
    AND NOT EXISTS (
        SELECT FROM dinamis.undone
        WHERE undone.feed = good.feed AND good.id BETWEEN undone.run AND undone.undone_by
    )
    AND NOT EXISTS (
        SELECT FROM dinamis.run AS later
        WHERE later.feed = good.feed AND later.id > good.id
            AND later.kind = 'retire' AND dinamis.undone_by(later.id) IS NULL
    );
