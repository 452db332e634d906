"""dbexp: DreamBooth by experiment. One YAML describes a run; `python -m dbexp --help` says what can be asked."""
