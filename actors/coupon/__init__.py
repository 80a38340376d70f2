"""Coupons: what a shop promises its customers on paper, kept to the last one."""
