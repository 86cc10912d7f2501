"""The commands on the database, and what the commands of all packages share."""
