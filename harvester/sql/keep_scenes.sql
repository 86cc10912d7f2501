-- Write down acquisitions, and when and where they were taken as was said last.
INSERT INTO dinamis.scene (id, created, platform, acquired_at, footprint)
SELECT * FROM unnest(
    %(ids)b::text [],
    %(created)b::timestamptz [],
    %(platforms)b::text [],
    %(moments)b::timestamptz [],
    %(footprints)b::bytea []
)
ON CONFLICT (id) DO UPDATE SET
    platform = excluded.platform,
    acquired_at = excluded.acquired_at,
    footprint = excluded.footprint;
