"""Tables and predictors that ship with the package, each with a card, and the scripts that make the tables."""
