"""What survived, measured: pure functions of masks, weights and geometry, one measure a file."""
