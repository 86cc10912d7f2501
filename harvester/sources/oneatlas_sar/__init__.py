"""The feeds of the Airbus radar archive."""
