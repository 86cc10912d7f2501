"""The search of GeoNetwork 4."""
