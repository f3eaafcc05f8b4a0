"""Reading, writing and locking files, whoever else may use them."""
