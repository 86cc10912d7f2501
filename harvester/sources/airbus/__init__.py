"""What the two catalogues of Airbus have in common: the identity service, and the form of their features."""
