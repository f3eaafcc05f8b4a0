"""The paper of Kumar & Szidon (arXiv 2012.06748): its protocols, measures and claims."""
