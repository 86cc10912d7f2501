"""Airbus deliveries: files on disks and servers, in folders and archives."""
