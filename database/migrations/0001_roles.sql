-- The two roles that the programs run as, with the least each needs. They are made without login: the private cluster
-- gives them passwords of their own, an external server's administrator may.
-- Later migrations grant on their own tables: nothing in this schema is readable unless its migration says so.

DO $$
BEGIN
    CREATE ROLE dinamis_api NOLOGIN;
EXCEPTION WHEN duplicate_object THEN
    NULL;
END
$$;

DO $$
BEGIN
    CREATE ROLE dinamis_harvest NOLOGIN;
EXCEPTION WHEN duplicate_object THEN
    NULL;
END
$$;

-- Reads everything of pgSTAC and writes only its caches of searches and counts.
GRANT pgstac_read TO dinamis_api;
-- Loads collections and Items.
GRANT pgstac_ingest TO dinamis_harvest;

-- Without a login of their own the programs connect as the owner and take these roles.
GRANT dinamis_api, dinamis_harvest TO current_user;

ALTER ROLE dinamis_api SET search_path TO pgstac, public;
ALTER ROLE dinamis_harvest SET search_path TO pgstac, public;

GRANT USAGE ON SCHEMA dinamis TO dinamis_api, dinamis_harvest;
GRANT SELECT ON dinamis.migration TO dinamis_api, dinamis_harvest;
