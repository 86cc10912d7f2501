-- Each feed that was ever harvested: how many records it has in each state, and when its last good run ended.
SELECT
    feed.name AS feed,
    feed.kind,
    feed.location,
    count(*) FILTER (WHERE known.state = 'active') AS active,
    count(*) FILTER (WHERE known.state = 'quarantined') AS quarantined,
    count(*) FILTER (WHERE known.state = 'active' AND known.absent_since IS NOT NULL) AS absent,
    (
        SELECT max(finished_at) FROM dinamis.good_run
        WHERE good_run.feed = feed.name
    ) AS last_good_at,
    %(asked_at)s AS asked_at
FROM dinamis.feed
    LEFT JOIN dinamis.source_record AS known ON known.feed = feed.name
GROUP BY feed.name
ORDER BY feed.name;
