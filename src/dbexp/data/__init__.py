"""Photos and class images become batches of counted draws. It knows no model: it never imports `family`."""
