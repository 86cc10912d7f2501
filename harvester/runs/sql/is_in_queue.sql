-- Whether a job of the queue does parts of a run, or waits to do so.
SELECT EXISTS (
    SELECT FROM dinamis_jobs.procrastinate_jobs
    WHERE task_name = 'harvest_part' AND status IN ('todo', 'doing') AND (args ->> 'run')::bigint = %(run)s
);
