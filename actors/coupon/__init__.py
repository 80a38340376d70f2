"""Coupons: templates, codes, lent stock, and what becomes of each coupon."""
