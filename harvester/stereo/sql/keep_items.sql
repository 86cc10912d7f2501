-- Store the Items of stereo sets in the ledger; their changes are numbered afterwards.
INSERT INTO dinamis.item (id, collection, is_published, is_archive, created, updated, first_change, change)
SELECT id, collection, true, is_archive, %(now)s, %(now)s, 0, 0
FROM unnest(%(ids)s::text [], %(collections)s::text [], %(archive)s::boolean [])
    AS kept (id, collection, is_archive)
ON CONFLICT (id) DO UPDATE SET
    collection = excluded.collection,
    is_published = true,
    is_archive = excluded.is_archive;
