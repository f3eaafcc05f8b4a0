"""The paper of Kumar & Szidon (arXiv 2012.06748), its claims judged by records of its experiments."""
