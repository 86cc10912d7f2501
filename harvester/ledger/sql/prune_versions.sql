-- Forget what records said once: versions that are neither among the last ones nor young.
DELETE FROM dinamis.record_version AS said
USING dinamis.source_record AS known
WHERE known.source = %(source)s AND known.record = ANY(%(records)b::text [])
    AND known.version > %(kept)s
    AND said.record = known.id
    AND said.version <= known.version - %(kept)s
    AND said.stored_at < %(now)s - %(days)s * interval '1 day';
