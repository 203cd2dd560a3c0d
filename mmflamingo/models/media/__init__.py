"""Media: which token sees which, and what is kept of them."""
