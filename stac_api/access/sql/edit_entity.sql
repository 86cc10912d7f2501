-- Changes facts of an entity; null keeps a fact as it is.
UPDATE dinamis.entity
SET
    name = coalesce(%(name)s::text, name),
    kind = coalesce(%(kind)s::text, kind),
    country = coalesce(%(country)s::text, country),
    charter_version = coalesce(%(charter_version)s::text, charter_version),
    is_relay_partner = coalesce(%(is_relay_partner)s::boolean, is_relay_partner),
    legal_representative = coalesce(%(legal_representative)s::text, legal_representative),
    legal_representative_email = coalesce(%(legal_representative_email)s::text, legal_representative_email)
WHERE id = %(id)s;
