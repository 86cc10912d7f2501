-- Delete old versions of records: neither recent nor among the last ones, not counting undos and what is undone.
DELETE FROM dinamis.record_version AS said
USING dinamis.source_record AS known
WHERE known.source = %(source)s AND known.record = ANY(%(records)b::text [])
    AND said.record = known.id
    AND said.stored_at < %(now)s - %(days)s * interval '1 day'
    AND %(kept)s <= (
        SELECT count(*) FROM dinamis.lasting_versions(NULL) AS later
        WHERE later.record = said.record AND later.version > said.version
    );
