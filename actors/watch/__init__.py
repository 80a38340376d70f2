"""The watch: what a person on call should be told of, seen in the log."""
