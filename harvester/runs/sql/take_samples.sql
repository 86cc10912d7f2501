-- Take out the samples of a run, and those of earlier runs of its feed that came to no end.
DELETE FROM dinamis.part_sample
USING dinamis.run
WHERE run.id = part_sample.run AND run.feed = %(feed)s AND run.id <= %(run)s
RETURNING part_sample.run, records, fields;
