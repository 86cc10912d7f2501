"""CSW 2.0.2 catalogues: GEOSUD, GeoNetwork, Sextant."""
