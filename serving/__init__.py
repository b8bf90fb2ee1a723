"""What a model directory is, how an InferenceService changes, and how a rollout is judged."""
