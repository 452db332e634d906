"""The project's own small world.

Until the trained bundled world lands, only tiny random checkpoints live here: the right classes and file layout,
nothing learned. Nothing in the core imports this room: a mini checkpoint is a folder like any other.
"""
