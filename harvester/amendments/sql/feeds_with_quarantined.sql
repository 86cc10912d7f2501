-- The feeds that have records in quarantine: of one feed or of all, one record or any.
SELECT DISTINCT feed
FROM dinamis.source_record
WHERE state = 'quarantined' AND feed = coalesce(%(feed)s, feed) AND record = coalesce(%(record)s, record)
ORDER BY feed;
