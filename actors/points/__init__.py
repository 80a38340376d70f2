"""Loyalty points: a ledger of dated lots per user."""
