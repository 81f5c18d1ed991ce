"""The HTTP edge: one module per resource; status codes live here and nowhere else."""
