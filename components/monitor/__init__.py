"""Compare what a live model is asked and answers with what it learned from."""
