"""What is no longer needed: which versions and runs go, and taking them away."""
