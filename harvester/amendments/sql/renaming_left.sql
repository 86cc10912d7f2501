-- The last run that renamed a feed and did not finish, and the former name of its source.
SELECT
    run.id,
    run_note.detail
FROM dinamis.run
    JOIN dinamis.run_note ON run_note.run = run.id
WHERE run.feed = %(present)s AND run.kind = 'rename' AND run.state != 'succeeded'
    AND run_note.kind = 'renamed' AND run_note.subject = %(former)s
ORDER BY run.id DESC
LIMIT 1;
