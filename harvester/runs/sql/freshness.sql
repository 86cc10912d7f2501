-- For each of these feeds the last good run and when it ended; if there is none, the first run and when it began.
SELECT DISTINCT ON (feed)
    feed,
    id,
    is_good,
    CASE WHEN is_good THEN finished_at ELSE started_at END
FROM (
    SELECT
        *,
        id IN (SELECT id FROM dinamis.good_run) AS is_good
    FROM dinamis.run
    WHERE kind = 'harvest' AND feed = ANY(%(feeds)s)
) AS harvest
ORDER BY feed, is_good DESC, CASE WHEN is_good THEN -id ELSE id END;
