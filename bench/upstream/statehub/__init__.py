"""State Hub: a JSON API about the work of a team, as slow as such APIs become when they grow."""
