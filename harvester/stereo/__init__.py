"""Stereo sets as Items: found among the images of the catalogue, and kept up to date by every page written."""
