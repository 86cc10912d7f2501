-- Items as they were put into the catalogue, with what is kept beside them.
SELECT
    items.id,
    get_item(items.id, items.collection),
    items.private
FROM items
    JOIN unnest(%(collections)s::text [], %(items)s::text []) AS wanted (collection, id)
        ON items.collection = wanted.collection AND items.id = wanted.id;
