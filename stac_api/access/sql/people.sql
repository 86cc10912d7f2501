-- The people by name: all, those of a state, operators, members of an entity now, or those that an id, a name or an
-- e-mail address can mean.
SELECT
    person.id,
    person.name,
    person.email,
    person.issuer,
    person.subject,
    person.state,
    person.is_operator,
    person.created_at
FROM dinamis.person
WHERE (%(state)s::text IS NULL OR person.state = %(state)s)
    AND (person.is_operator OR NOT %(operators)s)
    AND (
        %(entity)s::uuid IS NULL OR person.id IN (
            SELECT membership.person
            FROM dinamis.membership
            WHERE membership.entity = %(entity)s
                AND membership.confirmed_at IS NOT NULL AND membership.valid @> now()
        )
    )
    AND (
        num_nulls(%(id)s::uuid, %(text)s::text) = 2
        OR person.id = %(id)s OR lower(person.email) = lower(%(text)s) OR lower(person.name) = lower(%(text)s)
    )
ORDER BY lower(person.name), person.created_at, person.id;
