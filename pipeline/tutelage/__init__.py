"""Tutelage turns static, verifiable problems into teacher-student dialogues that train models.

The package is read from the bottom up: `records` holds the nouns, `dialogue` the protocol,
`driver` drives many dialogues at once, `flow` is the Beam graph around it, `cli` the commands.
Which room may import which is fixed by the import contract in `pyproject.toml`.
"""

__version__ = "0.1.0"
