-- The entities by name: all, those of a state, of a kind or with a part of a name, or those that an id or a name can mean.
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
WHERE (%(state)s::text IS NULL OR state = %(state)s)
    AND (%(kind)s::text IS NULL OR kind = %(kind)s)
    AND (%(part)s::text IS NULL OR strpos(lower(name), lower(%(part)s)) > 0)
    AND (num_nulls(%(id)s::uuid, %(text)s::text) = 2 OR id = %(id)s OR lower(name) = lower(%(text)s))
ORDER BY lower(name), applied_at, id;
