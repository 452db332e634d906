"""What can be known of a request before a model loads: what is wrong with it, what it takes, what it would do."""
