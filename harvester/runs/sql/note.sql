-- Store notes of a run, and how often each was made.
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
    -- Of the conflicts of an Item only the latest text counts.
    detail = CASE WHEN known.kind = 'conflict' THEN excluded.detail ELSE known.detail END;
