"""Drawing pictures from a model in memory."""
