"""Training and validating accuracy predictors, from a teacher or from a user's pairs."""
