"""Sinks: where ordered batches go, one module each, all with one small protocol."""
