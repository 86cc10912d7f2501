-- Store the fields that the records of a feed have, and the share of records that have each, if it is known.
INSERT INTO dinamis.feed_field AS known (feed, field, first_run, last_run, share)
SELECT
    %(feed)s,
    field,
    %(run)s,
    %(run)s,
    share
FROM unnest(%(names)s::text [], %(shares)s::real []) AS seen (field, share)
ON CONFLICT (feed, field) DO UPDATE SET
    last_run = excluded.last_run,
    share = coalesce(excluded.share, known.share);
