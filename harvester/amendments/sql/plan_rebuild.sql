-- Store which months of which satellites are to be done, unless a rebuild with the same request is under way.
INSERT INTO dinamis.stereo_shard (platform, month, request)
SELECT DISTINCT
    platform,
    date_trunc('month', moment AT TIME ZONE 'UTC')::date,
    %(request)s::jsonb
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
    AND (%(since)s::date IS NULL OR moment AT TIME ZONE 'UTC' >= %(since)s::date)
    AND NOT EXISTS (SELECT FROM dinamis.stereo_shard WHERE request = %(request)s::jsonb)
ON CONFLICT DO NOTHING;
