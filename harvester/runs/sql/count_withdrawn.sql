-- How many records of a feed a run has withdrawn that were in force before.
SELECT count(*)
FROM dinamis.source_record AS known
    JOIN dinamis.record_version AS said ON said.record = known.id AND said.version = known.version - 1
WHERE known.feed = %(feed)s AND known.state = 'withdrawn' AND known.run = %(run)s AND said.state = 'active';
