-- Note that collections were harvested now.
INSERT INTO dinamis.collection_harvest (collection, harvested_at)
SELECT
    *,
    now()
FROM unnest(%(collections)s::text [])
ON CONFLICT (collection) DO UPDATE SET harvested_at = excluded.harvested_at;
