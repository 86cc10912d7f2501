-- The records of a feed that have been absent longer than the period of grace, and whether they are active.
-- Refused ones have none: no Item goes with them.
SELECT
    record,
    state = 'active'
FROM dinamis.source_record
WHERE feed = %(feed)s AND state != 'withdrawn'
    AND (
        absent_since <= now() - %(grace_days)s * interval '1 day'
        OR (state = 'quarantined' AND absent_since IS NOT NULL)
    )
ORDER BY record COLLATE "C";
