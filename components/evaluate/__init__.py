"""Score the candidate, and the champion beside it, on the test part."""
