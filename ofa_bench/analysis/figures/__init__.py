"""The figures of reports and MLflow; the only room that imports matplotlib."""
