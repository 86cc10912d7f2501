-- The account of a person: who it is, in which entities, and in what capacities.
-- $1: the person.
SELECT
    person.id,
    person.name,
    person.email,
    person.state,
    (
        SELECT coalesce(jsonb_agg(place ORDER BY place.entity_name), '[]')
        FROM (
            SELECT
                entity.id AS entity,
                entity.name AS entity_name,
                entity.state AS entity_state,
                membership.role,
                membership.confirmed_at IS NOT NULL AS is_confirmed
            FROM dinamis.membership
            INNER JOIN dinamis.entity ON membership.entity = entity.id
            WHERE membership.person = person.id AND membership.valid @> now()
        ) AS place
    ) AS memberships,
    (
        SELECT coalesce(jsonb_agg(capacity ORDER BY capacity.category, capacity.entity_name), '[]')
        FROM (
            SELECT
                held.category,
                held.standing,
                held.entity,
                entity.name AS entity_name,
                held.framework,
                framework.title AS framework_title,
                upper(framework.valid) AS framework_ends
            FROM dinamis.capacities(person.id, now()) AS held
            INNER JOIN dinamis.entity ON held.entity = entity.id
            LEFT JOIN dinamis.framework ON held.framework = framework.id
        ) AS capacity
    ) AS capacities
FROM dinamis.person
WHERE person.id = $1;
