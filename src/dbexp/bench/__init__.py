"""How fast a training step is, beside the same step without a framework, and beside the plain public recipe."""
