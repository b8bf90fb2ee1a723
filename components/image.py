"""The image that every step runs in, as one name."""

import os

# A local run only imports this package; the name must hold "python" or kfp.local warns about it.
IMAGE = os.environ.get("KANARYA_COMPONENTS_IMAGE", "kanarya/components-python:0.1.0")
