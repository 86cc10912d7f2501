"""The files of the archive: who may have which, where they are stored, how they are sent, and the record of it."""
