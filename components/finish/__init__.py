"""Close what a failed pipeline run left open in MLflow."""
