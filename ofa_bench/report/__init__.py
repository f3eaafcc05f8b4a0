"""Reports that people read: what records say of strategies, judged by statistics, as one page."""
