"""Measures what the project says about itself; `python -m benchmarks` measures its speed."""
