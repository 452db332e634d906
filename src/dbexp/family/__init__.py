"""The model families: the only rooms that know one kind of model from another."""
