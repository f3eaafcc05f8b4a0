"""The schema of a config, its keys and addresses, and what its values may be."""
