"""State Hub: a JSON API over what a team works on, with the slowness that such an API grows into."""
