"""The smallest documents that are specs."""

SMALL = {"name": "iris", "data": {"uri": "iris.csv", "target": "species"}}
PICTURES = {"name": "pets", "task": "image", "data": {"uri": "pets.zip"}}
