"""GEODES of CNES."""
