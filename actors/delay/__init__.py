"""Delay: other systems' messages, kept until the moment at which they are to be published."""
