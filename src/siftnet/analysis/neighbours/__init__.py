"""Which inputs are neighbours where nobody knows their order: from a similarity of inputs to their places."""
