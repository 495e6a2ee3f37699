"""A module that several functions share: Lambda finds it in the directory python of a layer."""

PRICES = {"espresso": 2, "latte": 4, "mocha": 5}
