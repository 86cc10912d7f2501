-- Each feed with records in force: its last harvest, and when its last run of any kind began.
SELECT
    feed,
    max(id) FILTER (WHERE kind = 'harvest'),
    max(started_at)
FROM dinamis.run
WHERE EXISTS (
    SELECT FROM dinamis.source_record AS known
    WHERE known.feed = run.feed AND known.state = 'active'
)
GROUP BY feed
HAVING max(id) FILTER (WHERE kind = 'harvest') IS NOT NULL
ORDER BY feed;
