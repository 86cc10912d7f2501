-- Store a correction of a field of an Item.
INSERT INTO dinamis.correction (item, field, value, reason, author, created)
VALUES (%(item)s, %(field)s, %(value)s, %(reason)s, %(author)s, now())
ON CONFLICT (item, field) DO UPDATE SET
    value = excluded.value,
    reason = excluded.reason,
    author = excluded.author,
    created = excluded.created;
