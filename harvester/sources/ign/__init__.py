"""Coverages of the Géoplateforme of IGN."""
