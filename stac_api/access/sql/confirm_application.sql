-- An operator makes an applicant a member and grants a category. No row: it was not validated, or is decided already.
-- $1: the application; $2: the operator, null at the command line; $3: the category, or null; $4: its framework, or
-- null; $5: the login there, or null.
WITH confirmed AS (
    UPDATE dinamis.membership
    SET confirmed_by = $2::uuid, confirmed_at = now(), valid = tstzrange(now(), NULL)
    WHERE id = $1::uuid AND validated_at IS NOT NULL AND confirmed_at IS NULL AND refused_at IS NULL
    RETURNING id, person, entity, role
),

granted AS (
    INSERT INTO dinamis.category_grant (person, entity, framework, category, granted_by, valid)
    SELECT person, entity, $4::uuid, $3::text, $2::uuid, tstzrange(now(), NULL) FROM confirmed WHERE $3 IS NOT NULL
    -- A person who has it already keeps it.
    ON CONFLICT DO NOTHING
),

opened AS (
    UPDATE dinamis.person SET state = 'active' FROM confirmed
    WHERE person.id = confirmed.person AND person.state = 'applied'
),

noted AS (
    INSERT INTO dinamis.audit_event (actor, action, subject, detail)
    SELECT
        $2::uuid,
        'membership.confirm',
        person::text,
        jsonb_strip_nulls(jsonb_build_object(
            'entity', entity, 'role', role, 'category', $3::text, 'framework', $4::uuid, 'login', $5::text
        ))
    FROM confirmed
)

SELECT id FROM confirmed;
