"""From a composed config to a problem, a strategy, targets and a budget."""
