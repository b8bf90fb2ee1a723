"""A rollout is a value: observe, decide (pure), act with one patch; it survives its process."""
