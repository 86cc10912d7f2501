"""Searches that answer with pages of GeoJSON features, as those of GEODES and resto do."""
