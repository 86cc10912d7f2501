-- The entities that a name or an id can mean, the earliest first.
SELECT
    id,
    name,
    kind,
    country,
    state,
    charter_version,
    is_relay_partner,
    legal_representative,
    legal_representative_email,
    applied_at,
    joined_at,
    left_at
FROM dinamis.entity
WHERE id = %(id)s::uuid OR lower(name) = lower(%(text)s)
ORDER BY applied_at
LIMIT 20;
