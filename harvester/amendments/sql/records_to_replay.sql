-- The next records of a feed in quarantine, one of them or all, with what they say.
SELECT
    known.id,
    known.record,
    known.digest,
    known.fingerprint,
    said.content
FROM dinamis.source_record AS known
    JOIN dinamis.record_version AS said ON said.record = known.id AND said.version = known.version
WHERE known.feed = %(feed)s AND known.state = 'quarantined' AND known.record = coalesce(%(record)s, known.record)
    AND known.id > %(after)s
ORDER BY known.id
LIMIT %(size)s;
