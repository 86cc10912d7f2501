-- Whether a person may sign for an entity now: `standing` is good or says why not. No row: the person never belonged to
-- it.
-- $1: the person; $2: the entity; $3: whose contractor or partner signs, or null.
SELECT
    CASE
        WHEN person.state = 'suspended' THEN 'account-suspended'
        WHEN entity.state = 'left' THEN 'entity-left'
        WHEN entity.state = 'suspended' THEN 'entity-suspended'
        WHEN entity.state <> 'active' THEN 'entity-pending'
        WHEN NOT bool_or(membership.valid @> now()) THEN 'membership-ended'
        WHEN person.state <> 'active'
            OR NOT bool_or(membership.valid @> now() AND membership.confirmed_at IS NOT NULL)
            THEN 'membership-unconfirmed'
        WHEN $3::uuid IS NOT NULL AND NOT EXISTS (
            SELECT FROM dinamis.capacities(person.id, now()) AS held
            INNER JOIN dinamis.framework ON held.framework = framework.id
            WHERE held.entity = entity.id AND held.standing = 'good' AND framework.principal_entity = $3
        ) THEN 'framework-ended'
        ELSE 'good'
    END AS standing
FROM dinamis.membership
INNER JOIN dinamis.person ON membership.person = person.id
INNER JOIN dinamis.entity ON membership.entity = entity.id
WHERE membership.person = $1 AND membership.entity = $2
GROUP BY person.id, entity.id;
