-- The entities by name; each condition may be null.
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
    AND (%(text)s::text IS NULL OR strpos(lower(name), lower(%(text)s)) > 0)
ORDER BY lower(name), id;
