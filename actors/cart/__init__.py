"""What lies in a user's cart, and since when nobody has touched it."""
