"""The bundled trainer: SFT and GRPO from the shards of a run. `README.md` gives a reading order.

The only package that imports torch. Not a general trainer: one model family (causal language models
with a chat template), one kind of row.
"""

import os

# Waiting threads should sleep: spinning made a step on two busy cores five times slower. OpenMP
# reads this once, when torch is imported, so it is set before any other module here.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
