-- The records of a feed that a run which sees none of them would note as absent, whether they are active, and whether
-- they would then be overdue.
SELECT
    record,
    state = 'active',
    state = 'quarantined' OR coalesce(absent_since, now()) <= now() - %(grace_days)s * interval '1 day'
FROM dinamis.source_record
WHERE feed = %(feed)s AND state != 'withdrawn'
ORDER BY record COLLATE "C";
