"""Services of resto: Kalideos."""
