"""MLflow: a view of the records; the only room that imports mlflow."""
