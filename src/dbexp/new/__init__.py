"""`python -m dbexp.new`: a subject and an experiment as YAML, from a folder of photos."""
