-- Store a stereo set as its Item has it.
INSERT INTO dinamis.stereo_set (id, collection, mode, platform, started_at, ended_at, views, suitability, digest)
VALUES (
    %(id)s, %(collection)s, %(mode)s, %(platform)s, %(started_at)s, %(ended_at)s, %(views)s, %(suitability)s, %(digest)s
)
ON CONFLICT (id) DO UPDATE SET
    collection = excluded.collection,
    started_at = excluded.started_at,
    ended_at = excluded.ended_at,
    views = excluded.views,
    suitability = excluded.suitability,
    digest = excluded.digest;
