"""The model families: the only rooms that know one kind of Stable Diffusion from another."""
