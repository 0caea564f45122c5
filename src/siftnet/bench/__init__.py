"""How long a step takes on this machine: every kernel at every density, in one run, beside the floor."""
