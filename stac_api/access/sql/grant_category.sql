-- A category for a member of an entity; no row comes back for anybody else.
INSERT INTO dinamis.category_grant (person, entity, framework, category, granted_by, valid)
SELECT
    %(person)s,
    %(entity)s,
    %(framework)s,
    %(category)s,
    %(by)s,
    tstzrange(coalesce(%(since)s, now()), %(until)s)
WHERE EXISTS (
    SELECT FROM dinamis.membership
    WHERE person = %(person)s AND entity = %(entity)s AND confirmed_at IS NOT NULL
        AND coalesce(upper(valid), 'infinity') > now() AND NOT isempty(valid)
)
RETURNING id;
