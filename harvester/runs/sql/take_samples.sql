-- Delete and return the samples of a run, and those left by earlier runs of its feed.
DELETE FROM dinamis.part_sample
USING dinamis.run
WHERE run.id = part_sample.run AND run.feed = %(feed)s AND run.id <= %(run)s
RETURNING part_sample.run, records, fields;
