-- The next Items that may be views but are not known as such, and views whose Items are no longer ones.
SELECT item.id
FROM dinamis.item
    LEFT JOIN dinamis.stereo_view ON stereo_view.item = item.id
WHERE item.id > %(last)s
    AND (item.is_published AND item.collection = ANY(%(collections)s)) != (stereo_view.item IS NOT NULL)
ORDER BY item.id
LIMIT %(page)s;
