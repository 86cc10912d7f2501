"""Searches that answer features of GeoJSON page by page, as GEODES and resto have them."""
