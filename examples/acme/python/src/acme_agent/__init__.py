"""The Python part of acme."""
