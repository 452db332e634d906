"""Sweeps: one question, one job for each value, one answer. `+sweep=NAME`, or -m with values of your own."""
