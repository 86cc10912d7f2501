-- The latest events, the latest first: of a subject or an actor and since a time, each of which may be null.
SELECT
    id,
    at,
    actor,
    action,
    subject,
    detail
FROM dinamis.audit_event
WHERE (%(subject)s::text IS NULL OR subject = %(subject)s OR actor = %(actor)s::uuid)
    AND (%(since)s::timestamptz IS NULL OR at >= %(since)s)
ORDER BY id DESC
LIMIT %(limit)s;
