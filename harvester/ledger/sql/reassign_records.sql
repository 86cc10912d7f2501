-- Assign records to other Items.
UPDATE dinamis.source_record AS known SET item = present.item
FROM unnest(%(sources)b::text [], %(records)b::text [], %(items)b::text []) AS present (source, record, item)
WHERE known.source = present.source AND known.record = present.record;
