"""Coupons: templates, codes, and what becomes of each coupon."""
