-- Ends what a person was granted in an entity, in one category or, with null, in all.
UPDATE dinamis.category_grant
SET valid = valid * tstzrange(NULL, now())
WHERE person = %(person)s AND entity = %(entity)s
    AND (%(category)s::text IS NULL OR category = %(category)s)
    AND coalesce(upper(valid), 'infinity') > now() AND NOT isempty(valid);
