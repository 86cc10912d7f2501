-- The next Items that a run moved and that are not where they should be: where the last move in force took them, or, if
-- there is none, where they were first; and what hinders them from going there: a later move, or another Item there.
SELECT
    item.id AS item,
    item.collection AS present,
    place.due,
    nullif(place.latest_run, %(run)s) AS later_run,
    (
        SELECT other.id FROM dinamis.item AS other
        WHERE other.scene = item.scene AND other.id != item.id
            AND other.collection = place.due AND other.is_published
    ) AS other_item
FROM (SELECT DISTINCT item FROM dinamis.item_move WHERE run = %(run)s AND item > %(item)s) AS moved
    JOIN dinamis.item ON item.id = moved.item
    CROSS JOIN LATERAL (
        SELECT
            (array_agg(run ORDER BY number DESC) FILTER (WHERE lasts OR run = %(run)s))[1] AS latest_run,
            coalesce(
                (array_agg(destination ORDER BY number DESC) FILTER (WHERE lasts))[1],
                (array_agg(former ORDER BY number))[1]
            ) AS due
        FROM (
            SELECT
                number,
                run,
                collection AS former,
                lead(collection, 1, item.collection) OVER (ORDER BY number) AS destination,
                run != ALL(ARRAY(SELECT without.run FROM dinamis.run_without_say AS without)) AS lasts
            FROM dinamis.item_move
            WHERE item_move.item = item.id
        ) AS move
    ) AS place
WHERE place.latest_run != %(run)s OR place.due != item.collection
ORDER BY item.id
LIMIT %(size)s;
