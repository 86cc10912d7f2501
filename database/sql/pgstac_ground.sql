-- What pgSTAC's own migration takes for granted when its owner is a superuser: that the owner may act as each of
-- pgSTAC's roles, and that there is a schema to create functions in (an ordinary owner may not create them in public).
-- The extensions come first: later they would land in pgSTAC's schema, which is the first of the search path.
CREATE EXTENSION IF NOT EXISTS postgis SCHEMA public;
CREATE EXTENSION IF NOT EXISTS btree_gist SCHEMA public;
CREATE EXTENSION IF NOT EXISTS unaccent SCHEMA public;

DO $$
DECLARE
    needed text;
BEGIN
    FOREACH needed IN ARRAY ARRAY['pgstac_admin', 'pgstac_read', 'pgstac_ingest'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I', needed);
        EXCEPTION WHEN duplicate_object THEN
            NULL;
        END;
        IF NOT pg_has_role(current_user, needed, 'MEMBER') THEN
            EXECUTE format('GRANT %I TO CURRENT_USER', needed);
        END IF;
    END LOOP;
END
$$;

CREATE SCHEMA IF NOT EXISTS pgstac AUTHORIZATION pgstac_admin;
