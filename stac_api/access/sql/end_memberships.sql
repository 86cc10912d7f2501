-- Ends what people have in an entity, from now on: memberships, applications and categories. Returns the people.
-- Person and role may be null: all of them. Categories stay with a member who keeps another role.
WITH ended AS (
    UPDATE dinamis.membership
    SET
        valid = CASE WHEN confirmed_at IS NULL THEN 'empty' ELSE valid * tstzrange(NULL, now()) END,
        refused_at = CASE WHEN confirmed_at IS NULL THEN now() END,
        refusal = CASE WHEN confirmed_at IS NULL THEN %(refusal)s::text END
    WHERE entity = %(entity)s AND (%(person)s::uuid IS NULL OR person = %(person)s)
        AND (%(role)s::text IS NULL OR role = %(role)s)
        AND coalesce(upper(valid), 'infinity') > now() AND NOT isempty(valid)
    RETURNING id, person
),

ungranted AS (
    UPDATE dinamis.category_grant
    SET valid = valid * tstzrange(NULL, now())
    WHERE entity = %(entity)s AND person IN (SELECT person FROM ended)
        AND coalesce(upper(valid), 'infinity') > now() AND NOT isempty(valid)
        AND NOT EXISTS (
            SELECT FROM dinamis.membership AS other
            WHERE other.person = category_grant.person AND other.entity = category_grant.entity
                AND other.confirmed_at IS NOT NULL AND other.valid @> now()
                AND other.id NOT IN (SELECT id FROM ended)
        )
)

SELECT DISTINCT person FROM ended;
