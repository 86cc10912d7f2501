-- Of the properties that a collection declares itself, those of which Items have another kind of value than searches
-- read: how many Items, and one of them. pgSTAC reads whole numbers as int4.
SELECT
    declared.name,
    declared.kind,
    count(*),
    min(items.id)
FROM items
    CROSS JOIN jsonb_each_text(%(kinds)s) AS declared (name, kind)
    CROSS JOIN LATERAL (SELECT items.content -> 'properties' -> declared.name AS value) AS published
WHERE items.collection = %(collection)s
    AND jsonb_typeof(published.value) <> 'null'
    AND NOT CASE
        WHEN declared.kind = 'integer' AND jsonb_typeof(published.value) = 'number'
            THEN abs(published.value::numeric) <= 2147483647 AND scale(trim_scale(published.value::numeric)) = 0
        WHEN declared.kind IN ('date', 'date-time') AND jsonb_typeof(published.value) = 'string'
            THEN published.value ->> 0 ~ (
                '^\d{4}-(0\d|1[0-2])-([0-2]\d|3[01])'
                || '([Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:\d\d)?)?$'
            )
        ELSE jsonb_typeof(published.value) = declared.kind
    END
GROUP BY declared.name, declared.kind
ORDER BY declared.name;
