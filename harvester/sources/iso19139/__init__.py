"""ISO 19139 and 19115-2 metadata records, as CSW and GeoNetwork give them."""
