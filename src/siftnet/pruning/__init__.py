"""What is done: the contract of a training, scores and masks, the loop, the ticket."""
