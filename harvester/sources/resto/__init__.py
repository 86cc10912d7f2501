"""Services that run resto: Kalideos."""
