-- What the Items of a collection have in common and are stored without, and how the collection is partitioned.
SELECT
    base.base_item,
    base.base_item_id,
    key,
    partition_trunc
FROM collections, current_base_item(collections.id) AS base
WHERE collections.id = %(collection)s;
