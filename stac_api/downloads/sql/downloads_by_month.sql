-- How much was downloaded in each month (UTC), by collection and category, the latest month first.
SELECT
    month,
    collection,
    category,
    sum(downloads)::bigint AS downloads,
    sum(bytes)::bigint AS bytes
FROM (
    SELECT
        month,
        collection,
        category,
        downloads,
        bytes
    FROM dinamis.download_month
    UNION ALL
    SELECT
        (date_trunc('month', at, 'UTC') AT TIME ZONE 'UTC')::date,
        collection,
        category,
        1,
        bytes
    FROM dinamis.download_event
) AS download
GROUP BY month, collection, category
ORDER BY month DESC, collection, category;
