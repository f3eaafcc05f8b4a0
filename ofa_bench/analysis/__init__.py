"""Studies, statistics, rankings and judges: what records say of strategies."""
