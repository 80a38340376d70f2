"""Coupons: templates, codes, lent stock, and each coupon's life."""
