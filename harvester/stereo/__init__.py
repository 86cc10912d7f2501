"""Stereo sets as Items: found over what the catalogue holds, and kept true by every page that is written."""
