-- The job queue: procrastinate's tables and functions, in a schema of their own, and which of its migrations they have.
-- That record is in our own schema, where every role may see whether the queue is that of its release.
CREATE SCHEMA dinamis_jobs;

CREATE TABLE dinamis.job_queue_migration (
    name text PRIMARY KEY,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
GRANT SELECT ON dinamis.job_queue_migration TO dinamis_api, dinamis_harvest;
