-- Note that records were seen.
UPDATE dinamis.source_record SET
    last_seen = %(now)s,
    feed = %(feed)s,
    absent_since = NULL
WHERE source = %(source)s AND record = ANY(%(records)b::text []);
