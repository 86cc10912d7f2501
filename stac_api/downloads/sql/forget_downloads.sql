-- Counts the downloads of months that ended long enough ago, and forgets who had which image.
-- months: how many whole months before the current one are kept as they are.
WITH forgotten AS (
    DELETE FROM dinamis.download_event
    WHERE at < date_trunc('month', now(), 'UTC') - make_interval(months => %(months)s)
    RETURNING at, entity, category, collection, licence, licence_version, bytes
),

counted AS (
    INSERT INTO dinamis.download_month (
        month, collection, category, entity, licence, licence_version, downloads, bytes
    )
    SELECT
        date_trunc('month', at, 'UTC') AT TIME ZONE 'UTC',
        collection,
        category,
        entity,
        licence,
        licence_version,
        count(*),
        sum(bytes)
    FROM forgotten
    GROUP BY 1, collection, category, entity, licence, licence_version
    RETURNING downloads
)

SELECT coalesce(sum(downloads), 0)::bigint AS forgotten FROM counted;
