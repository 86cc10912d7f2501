-- The next Items that a run moved, and what hinders them from going back: a later move, or another Item in their place.
SELECT
    move.item,
    move.collection AS former,
    item.collection AS present,
    (
        SELECT max(later.run) FROM dinamis.item_move AS later
        WHERE later.item = move.item AND later.run > move.run AND later.run != %(undoing)s
            AND NOT EXISTS (
                SELECT FROM dinamis.undone JOIN dinamis.item_move AS back ON back.run = undone.undone_by
                WHERE back.item = later.item AND later.run IN (undone.run, undone.undone_by)
            )
    ) AS later_run,
    (
        SELECT other.id FROM dinamis.item AS other
        WHERE other.scene = item.scene AND other.id != item.id
            AND other.collection = move.collection AND other.is_published
    ) AS other_item
FROM dinamis.item_move AS move
    JOIN dinamis.item ON item.id = move.item
WHERE move.run = %(undone)s AND move.item > %(item)s
ORDER BY move.item
LIMIT %(size)s;
