-- A person applies for a place in an active entity. No row: the entity is not active, or the person has the place, has
-- applied for it, or has too many open applications.
-- $1: the person; $2: the entity; $3: the category or null; $4: the purpose; $5: how many may be open at most.
WITH applied AS (
    INSERT INTO dinamis.membership (person, entity, role, category, purpose)
    SELECT $1::uuid, entity.id, 'user', $3::text, $4::text
    FROM dinamis.entity
    WHERE entity.id = $2::uuid AND entity.state = 'active' AND (
        SELECT count(*) FROM dinamis.membership
        WHERE membership.person = $1 AND membership.confirmed_at IS NULL AND membership.refused_at IS NULL
    ) < $5
    ON CONFLICT DO NOTHING
    RETURNING id, person, entity
),

noted AS (
    INSERT INTO dinamis.audit_event (actor, action, subject, detail)
    SELECT person, 'membership.apply', person::text, jsonb_build_object('entity', entity) FROM applied
)

SELECT id FROM applied;
