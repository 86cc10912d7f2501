-- Keep what a run has to say, and how often it had to.
INSERT INTO dinamis.run_note AS known (run, kind, subject, detail, times, noted_at)
SELECT
    %(run)s,
    %(kind)s,
    subject,
    detail,
    times,
    now()
FROM unnest(%(subjects)s::text [], %(details)s::text [], %(times)s::bigint []) AS said (subject, detail, times)
ON CONFLICT (run, kind, subject) DO UPDATE SET
    times = known.times + excluded.times,
    -- What an Item's sources contradict each other about is what they do by now.
    detail = CASE WHEN known.kind = 'conflict' THEN excluded.detail ELSE known.detail END;
