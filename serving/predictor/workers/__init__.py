"""Several processes on one port: a parent that accepts and watches, workers that answer.

The parent imports KServe, but neither ONNX Runtime nor a model; a worker is a fork of it and loads
the model itself, so that no session, event loop or gRPC thread crosses a fork. What KServe's
imports hold in memory is shared, and a worker that died is back in a fraction of a second.
"""
