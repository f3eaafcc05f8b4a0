"""Exports found networks: their files, cards, measurements and pages."""
