"""A complete short example of each extension point: a corpus, a verifier, an engine.

`tutelage new corpus|verifier|engine NAME` copies one into the current folder, and the tests run all
three unchanged. Nothing else imports this room.
"""

KINDS = {
    "corpus": ("Sums", "tutelage generate {module}:{name}?size=20 --out outputs/{module}"),
    "verifier": (
        "LastNumber",
        "tutelage generate starter --limit 20 --set verifier.name={module}:{name} "
        "--out outputs/{module}",
    ),
    "engine": ("Guesser", "tutelage generate starter --limit 20 --engine {module}:{name} "
               "--set teacher.engine=worked --out outputs/{module}"),
}  # fmt: skip
"""Kind -> (the class in the module of that name, a command that uses a copy of it)."""
