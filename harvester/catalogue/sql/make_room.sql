-- Create the partitions of a collection for Items of these periods, or widen existing ones.
-- A collection may be partitioned by month or year: one call for each partition.
SELECT check_partition(
    %(collection)s,
    tstzrange(min(first), max(first), '[]'),
    tstzrange(min(last), max(last), '[]')
)
FROM unnest(%(firsts)s::timestamptz [], %(lasts)s::timestamptz []) AS span (first, last),
    partition_name(%(collection)s, first) AS place
GROUP BY place.partition_name;
