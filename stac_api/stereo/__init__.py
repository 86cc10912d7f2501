"""Stereo sets over HTTP: searched with the thresholds of the caller, stored ones and others found on demand."""
