-- Note why a quarantined record is refused today.
UPDATE dinamis.source_record SET
    stage = %(stage)s,
    reason = %(reason)s
WHERE source = %(source)s AND record = %(record)s;
