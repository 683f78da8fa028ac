"""The code verifier behind each kind of walls."""

from judging import *  # noqa: F403
