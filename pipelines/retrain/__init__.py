"""Training a live model again without anybody asking: what is known, decided and done."""
