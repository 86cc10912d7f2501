-- Note where Items were before a run moved them.
INSERT INTO dinamis.item_move (run, item, collection)
SELECT
    %(run)s,
    item,
    collection
FROM unnest(%(items)b::text [], %(collections)b::text []) AS former (item, collection);
