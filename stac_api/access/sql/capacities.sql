-- In what capacities a person acts at a time, or now, and the standing of each.
SELECT
    capacity.category,
    capacity.entity,
    entity.name AS entity_name,
    capacity.framework,
    framework.title AS framework_title,
    capacity.standing
FROM dinamis.capacities(%(person)s, coalesce(%(at)s::timestamptz, now())) AS capacity
INNER JOIN dinamis.entity ON capacity.entity = entity.id
LEFT JOIN dinamis.framework ON capacity.framework = framework.id
ORDER BY capacity.category, entity.name, framework.title;
