"""Dense training of several networks of one shape at once, the data and every choice on the device.

draw.py: their batches; parameters.py, layout.py: what they learn, as vectors; layers.py: forward and backward of a
layer; losses.py: loss and its gradient; update.py: the update rules on vectors; graph.py: updates captured once and
replayed; kernel.py: all of it together.
"""
