-- Store where a feed comes from.
INSERT INTO dinamis.feed (name, source, kind, collection, location)
VALUES (%(name)s, %(source)s, %(kind)s, %(collection)s, %(location)s)
ON CONFLICT (name) DO UPDATE SET
    source = excluded.source,
    kind = excluded.kind,
    collection = excluded.collection,
    location = excluded.location;
