"""What is trained: layers, named tensors, masks, and which survivors carry signal."""
