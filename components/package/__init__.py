"""Turn the trained model into a model directory that is safe to serve."""
