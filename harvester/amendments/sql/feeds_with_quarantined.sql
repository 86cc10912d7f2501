-- The feeds that have records in quarantine: of one feed or of all, one record or any; and those whose last replay did
-- not finish.
SELECT feed
FROM dinamis.source_record
WHERE state = 'quarantined' AND feed = coalesce(%(feed)s, feed) AND record = coalesce(%(record)s, record)
UNION
SELECT feed
FROM dinamis.run
WHERE kind = 'replay' AND state IN ('running', 'failed') AND feed = coalesce(%(feed)s, feed)
    AND %(record)s::text IS NULL
    AND NOT EXISTS (
        SELECT FROM dinamis.run AS later
        WHERE later.feed = run.feed AND later.kind = 'replay' AND later.id > run.id
    )
ORDER BY feed;
