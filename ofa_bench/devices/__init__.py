"""Cost models: tables of devices, exact sums of their entries, and lookup tables of others."""
