"""STAC APIs and static catalogues."""
