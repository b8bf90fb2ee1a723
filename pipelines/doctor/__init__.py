"""What is wrong with an installation, and what cures it."""
