"""Tables and predictors that ship with the package, each with a card."""
