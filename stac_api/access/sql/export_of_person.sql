-- Everything that is stored about a person, for the person.
-- $1: the person.
SELECT jsonb_build_object(
    'person', to_jsonb(person),
    'memberships', (
        SELECT coalesce(jsonb_agg(to_jsonb(membership) ORDER BY membership.applied_at), '[]')
        FROM dinamis.membership
        WHERE membership.person = person.id
    ),
    'category_grants', (
        SELECT coalesce(jsonb_agg(to_jsonb(granted) ORDER BY lower(granted.valid)), '[]')
        FROM dinamis.category_grant AS granted
        WHERE granted.person = person.id
    ),
    'api_keys', (
        SELECT coalesce(jsonb_agg(to_jsonb(api_key) - 'digest' ORDER BY api_key.created_at), '[]')
        FROM dinamis.api_key
        WHERE api_key.person = person.id
    ),
    'licence_signatures', (
        SELECT coalesce(jsonb_agg(to_jsonb(signature) ORDER BY signature.signed_at), '[]')
        FROM dinamis.licence_signature AS signature
        WHERE signature.person = person.id
    ),
    'licence_transfers', (
        SELECT coalesce(jsonb_agg(to_jsonb(transfer) ORDER BY transfer.declared_at), '[]')
        FROM dinamis.licence_transfer AS transfer
        INNER JOIN dinamis.licence_signature AS signature ON transfer.signature = signature.id
        WHERE signature.person = person.id
    ),
    'downloads', (
        SELECT coalesce(jsonb_agg(to_jsonb(download) ORDER BY download.at), '[]')
        FROM dinamis.download_event AS download
        WHERE download.pseudonym = person.pseudonym
    ),
    'events', (
        SELECT coalesce(jsonb_agg(to_jsonb(event) ORDER BY event.id), '[]')
        FROM dinamis.audit_event AS event
        WHERE event.actor = person.id OR event.subject = person.id::text
    )
)
FROM dinamis.person
WHERE person.id = $1;
