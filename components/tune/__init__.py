"""Try hyperparameters by cross-validation on the training part, and choose the best."""
