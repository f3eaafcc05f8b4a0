"""Trains and validates accuracy predictors, on a teacher's labels or a user's pairs."""
