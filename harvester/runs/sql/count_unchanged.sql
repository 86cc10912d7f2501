-- Note when a source was found unchanged, and in which state; returns how many active records its feed has.
-- The clock may have been set back since the run began.
WITH told AS (
    UPDATE dinamis.feed SET
        unchanged_at = greatest(now(), %(begun)s),
        state = %(state)s
    WHERE name = %(feed)s
)
SELECT count(*)
FROM dinamis.source_record
WHERE feed = %(feed)s AND state = 'active';
