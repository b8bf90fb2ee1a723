"""The image that every step runs in, as one name."""

import os

# A local run only imports this package; the name must hold "python" or kfp.local warns about it.
IMAGE = os.environ.get("KANARYA_COMPONENTS_IMAGE", "kanarya/components-python:0.1.0")
# The steps that work on images: TensorFlow is in it, which no table needs.
IMAGES = os.environ.get("KANARYA_IMAGES_IMAGE", "kanarya/images-python:0.1.0")
