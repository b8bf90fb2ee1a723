"""The decision on a rollout as people read it: a page, or lines in a terminal."""
