"""Entities, people, memberships, categories and frameworks, with their audit trail."""
