"""Campaigns: who is to get what, when and why, as data and as pure functions over it."""
