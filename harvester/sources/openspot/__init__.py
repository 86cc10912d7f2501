"""OpenSpot: SPOT 6-7 of France, open to all."""
