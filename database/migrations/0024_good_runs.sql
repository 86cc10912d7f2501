-- What a good run is, said once: the next harvest begins where the last one did, and a feed without one goes stale.

CREATE VIEW dinamis.good_run AS
SELECT
    run.id,
    run.feed,
    run.started_at,
    run.finished_at
FROM dinamis.run
WHERE run.kind = 'harvest' AND run.state = 'succeeded'
    AND run.request ->> 'limit' IS NULL AND run.request ->> 'bbox' IS NULL
    AND run.request ->> 'since' IS NULL AND run.request ->> 'until' IS NULL
    AND NOT EXISTS (SELECT FROM dinamis.undone WHERE undone.run = run.id);
COMMENT ON VIEW dinamis.good_run IS 'Each harvest of all that a feed had, or had changed, that succeeded and is in force.';
GRANT SELECT ON dinamis.good_run TO dinamis_harvest;
