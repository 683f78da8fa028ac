"""One whole short file for each open point: a corpus, a verifier, an engine.

`tutelage new corpus|verifier|engine NAME` writes a copy into the current folder, and the tests run
each as it stands. Nothing else imports this room.
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
"""Kind -> its class in the module of that name, and a command that uses a copy."""
