"""Building a device's latency table by measuring pieces of networks and whole ones; see ``ofa_bench profile``."""
