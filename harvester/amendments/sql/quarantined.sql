-- The records in quarantine, of one feed or of all, the last seen first.
SELECT
    source,
    record,
    feed,
    stage,
    reason,
    first_seen,
    last_seen
FROM dinamis.source_record
WHERE state = 'quarantined' AND feed = coalesce(%(feed)s, feed)
ORDER BY last_seen DESC, source, record COLLATE "C"
LIMIT %(limit)s;
