"""DreamBench: the subjects and prompts that the literature scores by, and the table of runs on them."""
