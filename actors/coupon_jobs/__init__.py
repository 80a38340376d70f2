"""Jobs: coupons of one template for very many users, in batches, beside the shop's ordinary work."""
