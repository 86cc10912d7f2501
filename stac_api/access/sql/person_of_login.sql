-- The person of a login, created if new, with the name and the address that the provider gives now.
-- $1: issuer; $2: subject; $3: e-mail address or null; $4: name or null.
INSERT INTO dinamis.person (issuer, subject, email, name)
VALUES ($1, $2, $3, $4)
ON CONFLICT (issuer, subject) DO UPDATE SET
email = coalesce(excluded.email, person.email),
name = coalesce(excluded.name, person.name)
RETURNING id, state;
