"""Pictures of nodes: masks and weights drawn on the inputs' grid."""
