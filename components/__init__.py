"""Pipeline steps: a folder is a step, a file is shared by steps."""
