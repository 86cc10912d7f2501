-- The Items that are or were in a collection and changed after a position, each once, at its latest change.
-- $1: the collection; $2: the position, a number of dinamis.change; $3: how many at most.
SELECT change.id, change.type, change.at, change.reason, change.position
FROM (
    (
        SELECT
            item.id,
            CASE WHEN item.first_change > $2 THEN 'new' ELSE 'updated' END AS type,
            item.updated AS at,
            NULL AS reason,
            item.change AS position
        FROM dinamis.item
        WHERE item.collection = $1 AND item.change > $2 AND item.is_published
        ORDER BY item.change
        LIMIT $3
    )
    UNION ALL
    (
        SELECT
            tombstone.item,
            'withdrawn',
            tombstone.withdrawn_at,
            tombstone.reason,
            tombstone.change
        FROM dinamis.tombstone
        WHERE tombstone.collection = $1 AND tombstone.change > $2
            -- It may have come back.
            AND NOT EXISTS (
                SELECT FROM dinamis.item
                WHERE item.id = tombstone.item AND item.collection = tombstone.collection AND item.is_published
            )
        ORDER BY tombstone.change
        LIMIT $3
    )
) AS change
ORDER BY change.position
LIMIT $3;
