-- The collections with the language of their own texts and those of their translations.
-- $1: their ids; NULL for all.
SELECT
    id,
    content -> 'language' ->> 'code' AS own,
    ARRAY(SELECT language FROM dinamis.collection_translation WHERE collection = id) AS others
FROM pgstac.collections
WHERE $1::text[] IS NULL OR id = ANY($1);
