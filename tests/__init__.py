"""Tests, one folder per layer; the harness that they share stands at the top."""
