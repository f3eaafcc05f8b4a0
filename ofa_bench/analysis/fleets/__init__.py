"""What records of several devices say together: networks for all, losses elsewhere, regret and spending."""
