-- Write down which months of which satellites are to be done, unless a rebuild of them is under way.
INSERT INTO dinamis.stereo_shard (platform, month)
SELECT DISTINCT
    platform,
    date_trunc('month', moment AT TIME ZONE 'UTC')::date
FROM (
    SELECT
        platform,
        acquired_at AS moment
    FROM dinamis.stereo_view
    UNION
    SELECT
        platform,
        started_at
    FROM dinamis.stereo_set
) AS told
WHERE platform = coalesce(%(platform)s, platform)
    AND (%(since)s::timestamptz IS NULL OR moment >= date_trunc('month', %(since)s::timestamptz))
    AND NOT EXISTS (SELECT FROM dinamis.stereo_shard WHERE platform = coalesce(%(platform)s, platform))
ON CONFLICT DO NOTHING;
