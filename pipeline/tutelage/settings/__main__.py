"""`python -m tutelage.settings`: the JSON schema of a run file."""

import json

from tutelage.settings.loading import schema

print(json.dumps(schema(), indent=2))  # noqa: T201
