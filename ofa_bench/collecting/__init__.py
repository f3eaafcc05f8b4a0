"""What ``python -m ofa_bench.collect`` is made of: accuracies measured on images, kept row by row."""
