"""The project's own small world.

`world` draws it, with its truth as data; until checkpoints are trained on it, `tiny` writes random ones: the right
classes and file layout, nothing learned. Nothing in the core imports this room: a mini checkpoint is a folder like any
other.
"""
