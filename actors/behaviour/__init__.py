"""What users do: their views, searches, carts and purchases as the shop's pages tell them, read once for everybody."""
