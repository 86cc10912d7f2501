-- Whether a part has written this number of pages, and its holder is still the same.
SELECT EXISTS (
    SELECT FROM dinamis.run_part
    WHERE run = %(run)s AND part = %(part)s AND holder = %(holder)s AND pages = %(pages)s
);
