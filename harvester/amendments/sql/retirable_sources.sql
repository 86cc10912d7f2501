-- Each feed that was ever harvested, with its source, and how many of its records are in force and in quarantine.
SELECT
    feed.name AS feed,
    feed.source,
    count(*) FILTER (WHERE known.state = 'active') AS active,
    count(*) FILTER (WHERE known.state = 'quarantined') AS quarantined
FROM dinamis.feed
    LEFT JOIN dinamis.source_record AS known ON known.feed = feed.name
GROUP BY feed.name
ORDER BY feed.name;
