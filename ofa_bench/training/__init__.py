"""How accuracy predictors are made: one training, from a teacher or from a user's pairs, and what it is worth."""
