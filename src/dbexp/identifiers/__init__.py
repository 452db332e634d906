"""Rare words of a model's tokenizer, and what the model already draws for them."""
