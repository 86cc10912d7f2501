-- The harvester's role defers and works jobs; the API's role has no business in the queue.
GRANT USAGE ON SCHEMA dinamis_jobs TO dinamis_harvest;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA dinamis_jobs TO dinamis_harvest;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA dinamis_jobs TO dinamis_harvest;
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA dinamis_jobs TO dinamis_harvest;
