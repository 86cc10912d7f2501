-- The collections for whose partitions pgSTAC still has work in its queue.
SELECT DISTINCT collection
FROM partition_sys_meta
    JOIN query_queue ON strpos(query, quote_literal(partition)) > 0;
