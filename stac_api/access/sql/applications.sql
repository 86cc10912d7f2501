-- Applications for a place in an entity and what became of them, the earliest first.
-- $1: the application, or null; $2: the entity, or null; $3: who asks for it, or null; $4: whether only open ones.
SELECT
    membership.id,
    membership.person,
    person.name AS person_name,
    person.email,
    membership.entity,
    entity.name AS entity_name,
    entity.kind AS entity_kind,
    entity.country AS entity_country,
    membership.role,
    membership.category::text AS category,
    membership.purpose,
    membership.applied_at,
    membership.validated_at,
    membership.confirmed_at,
    membership.refused_at,
    membership.refusal,
    CASE
        WHEN membership.refused_at IS NOT NULL THEN 'refused'
        WHEN membership.confirmed_at IS NOT NULL THEN 'confirmed'
        WHEN membership.validated_at IS NOT NULL THEN 'validated'
        ELSE 'applied'
    END AS state,
    lower(membership.valid) AS begins,
    upper(membership.valid) AS ends
FROM dinamis.membership
INNER JOIN dinamis.person ON membership.person = person.id
INNER JOIN dinamis.entity ON membership.entity = entity.id
WHERE ($1::uuid IS NULL OR membership.id = $1)
    AND ($2::uuid IS NULL OR membership.entity = $2)
    AND ($3::uuid IS NULL OR membership.person = $3)
    AND (NOT $4::boolean OR (membership.confirmed_at IS NULL AND membership.refused_at IS NULL))
ORDER BY membership.applied_at, membership.id;
