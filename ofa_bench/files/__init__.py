"""Reading, writing and locking files that other processes may use at the same time."""
