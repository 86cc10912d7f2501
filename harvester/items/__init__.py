"""Items: from scene records to checked STAC Items, without files, network or database."""
