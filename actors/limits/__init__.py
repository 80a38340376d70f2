"""Frequency limits: how often a user may be written to, by campaign, tag, channel and altogether."""
