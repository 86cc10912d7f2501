-- The frameworks by their end: all, those that run at a time, or those that an id or a title can mean.
SELECT
    framework.id,
    framework.kind,
    framework.title,
    framework.principal_entity,
    entity.name AS principal_name,
    lower(framework.valid) AS begins,
    upper(framework.valid) AS ends
FROM dinamis.framework
LEFT JOIN dinamis.entity ON framework.principal_entity = entity.id
WHERE (%(at)s::timestamptz IS NULL OR framework.valid @> %(at)s)
    AND (%(text)s::text IS NULL OR framework.id = %(id)s::uuid OR lower(framework.title) = lower(%(text)s))
ORDER BY upper(framework.valid), framework.title, framework.id;
