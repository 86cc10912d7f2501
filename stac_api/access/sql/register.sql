-- The public register: the active entities after a name and an id, by name; each condition may be null.
-- $1: a single entity; $2: a part of the name; $3: the kind; $4: the country; $5, $6: name and id of the last one of
-- the page before; $7: how many at most.
SELECT
    id,
    name,
    kind,
    country,
    is_relay_partner,
    joined_at
FROM dinamis.entity
WHERE state = 'active'
    AND ($1::uuid IS NULL OR id = $1)
    AND ($2::text IS NULL OR strpos(lower(name), lower($2)) > 0)
    AND ($3::text IS NULL OR kind = $3)
    AND ($4::text IS NULL OR country = $4)
    AND ($5::text IS NULL OR (lower(name), id) > (lower($5), $6::uuid))
ORDER BY lower(name), id
LIMIT $7;
