"""What a user asks for, the graphs that answer it, and where they run."""
