-- The first notes of a kind of a run, in the order in which they were made.
SELECT
    subject,
    detail,
    times
FROM dinamis.run_note
WHERE run = %(run)s AND kind = %(kind)s
ORDER BY noted_at, subject
LIMIT %(named)s;
