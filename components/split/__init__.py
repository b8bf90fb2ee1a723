"""Split: one part of the rows to train on, the other to test on."""
