"""The project's own small world, and the models that were trained on it.

`world` draws it, with its truth as data; `pretrain` trained the checkpoints in weights/ on it; `oracle` reads pictures
back into words, and `lesson` what runs have learned; `tiny` writes random checkpoints for tests. Nothing in the core
imports this room: a mini checkpoint is a folder like any other.
"""
