-- Note that a quarantined record is still there, and why it is refused today.
UPDATE dinamis.source_record SET
    last_seen = %(now)s,
    feed = %(feed)s,
    stage = %(stage)s,
    reason = %(reason)s,
    absent_since = NULL
WHERE source = %(source)s AND record = %(record)s;
