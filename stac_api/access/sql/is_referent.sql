-- Whether a person may validate the applications to an entity.
-- $1: the person; $2: the entity.
SELECT EXISTS (
    SELECT FROM dinamis.membership
    INNER JOIN dinamis.person ON membership.person = person.id
    INNER JOIN dinamis.entity ON membership.entity = entity.id
    WHERE membership.person = $1::uuid AND membership.entity = $2::uuid AND membership.role = 'referent'
        AND membership.confirmed_at IS NOT NULL AND membership.valid @> now()
        AND person.state = 'active' AND entity.state = 'active'
);
