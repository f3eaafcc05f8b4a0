"""What an architecture costs: tables of devices, exact sums of their entries, and foreign tables."""
