"""Scores of pictures: what the encoders see, what is computed from it, and how sure one may be."""
