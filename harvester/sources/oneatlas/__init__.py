"""The OpenSearch of the Airbus archive."""
