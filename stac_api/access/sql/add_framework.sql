-- A mission, partnership or project, from a time or from now on until another time.
INSERT INTO dinamis.framework (kind, title, principal_entity, valid)
VALUES (%(kind)s, %(title)s, %(principal)s, tstzrange(coalesce(%(since)s, now()), %(until)s))
RETURNING id;
