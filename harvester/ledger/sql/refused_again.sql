-- Note where and why a quarantined record is refused now.
UPDATE dinamis.source_record SET
    stage = %(stage)s,
    reason = %(reason)s
WHERE source = %(source)s AND record = %(record)s;
