"""The predictor: one model directory behind KServe's V1 and V2 protocols."""
