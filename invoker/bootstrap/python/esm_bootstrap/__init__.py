"""A small runtime interface client: Python 3.8 and later, standard library only."""
