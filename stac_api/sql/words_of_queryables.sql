-- The words of the queryables of these collections by name, each collection in one language.
-- $1: their ids; $2: the language of each.
SELECT jsonb_object_agg(queryable.name, queryable.words ORDER BY given.collection)
FROM unnest($1::text[], $2::text[]) AS given (collection, language)
INNER JOIN dinamis.collection_translation USING (collection, language)
CROSS JOIN jsonb_each(queryables) AS queryable (name, words);
