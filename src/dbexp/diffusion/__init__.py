"""The mathematics of the method: pure functions over tensors with equation numbers.

No randomness, no models, no data.
"""
