-- Store a feed under another name, with the state of its source.
INSERT INTO dinamis.feed (name, source, kind, collection, location, state, content_digest, unchanged_at)
SELECT
    %(present)s,
    %(source)s,
    kind,
    collection,
    location,
    state,
    content_digest,
    unchanged_at
FROM dinamis.feed
WHERE name = %(former)s
ON CONFLICT (name) DO UPDATE SET
    source = excluded.source,
    kind = excluded.kind,
    collection = excluded.collection,
    state = excluded.state,
    content_digest = excluded.content_digest,
    unchanged_at = excluded.unchanged_at;
