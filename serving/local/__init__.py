"""A control plane for a laptop: Kubernetes API, controller, predictor processes, gateway."""
