"""Results: records on disk first, then the views of them (tables, plots, MLflow)."""
