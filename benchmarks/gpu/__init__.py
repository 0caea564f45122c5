"""What bench_gpu.py is made of: who takes part, turns and clocks, the paper's schedule, rows, goals and the picture."""
