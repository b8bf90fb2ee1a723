"""Make a candidate that passed the gate a version of the registry."""
