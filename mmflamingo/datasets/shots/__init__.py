"""Few-shot: support and query sets, and how the shots of a query are selected."""
