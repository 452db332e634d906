"""Which weights learn: each answer is one class behind the protocol of `base`."""
