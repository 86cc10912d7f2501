-- All active records of these Items with what they say, in a fixed order.
SELECT
    known.item,
    known.source,
    feed.kind,
    known.record,
    said.content
FROM dinamis.source_record AS known
    JOIN dinamis.feed ON feed.name = known.feed
    JOIN dinamis.record_version AS said ON said.record = known.id AND said.version = known.version
WHERE known.item = ANY(%(items)b::text []) AND known.state = 'active'
ORDER BY known.source, known.record COLLATE "C";
