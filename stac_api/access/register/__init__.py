"""Entities, people, memberships, categories and frameworks, with the trail of what was done to them."""
