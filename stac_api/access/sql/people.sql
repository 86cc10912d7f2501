-- The people by name; state and entity, of which they are members now, may be null.
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
ORDER BY lower(person.name), person.id;
