-- A membership that an operator adds: it is validated and confirmed, and the account is opened.
WITH opened AS (
    UPDATE dinamis.person SET state = 'active' WHERE id = %(person)s AND state = 'applied'
)

INSERT INTO dinamis.membership (person, entity, role, validated_by, validated_at, confirmed_by, confirmed_at, valid)
VALUES (
    %(person)s, %(entity)s, %(role)s, %(by)s, now(), %(by)s, now(), tstzrange(coalesce(%(since)s, now()), %(until)s)
);
