"""Programmes: rules as versioned data, switched on in every segment's log."""
