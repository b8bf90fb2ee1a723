"""InferenceServices: what one looks like, how it is read, and how it may be changed."""
