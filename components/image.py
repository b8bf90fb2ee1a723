"""The image that every step runs in, as one name."""

# What the compiled YAML in the repository says; on a cluster `pipelines.images` pins another. A
# local run only imports this package; the name must hold "python" or kfp.local warns about it.
IMAGE = "kanarya/components-python:0.1.0"
# The steps that work on images: TensorFlow is in it, which no table needs.
IMAGES = "kanarya/images-python:0.1.0"
