-- An entity that an operator adds; it is active at once.
INSERT INTO dinamis.entity (
    name, kind, country, state, charter_version, is_relay_partner, legal_representative, legal_representative_email,
    joined_at
)
VALUES (
    %(name)s, %(kind)s, %(country)s, 'active', %(charter_version)s, %(is_relay_partner)s, %(legal_representative)s,
    %(legal_representative_email)s, now()
)
RETURNING id;
