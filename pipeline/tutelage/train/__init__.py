"""The bundled trainer: SFT and GRPO from the shards of a run. Small enough to read whole.

    recipe      what a training depends on             data, lessons, groups    rows to units
    tokens      a dialogue as token ids                packing                  units to passes
    loss        the one loss                           session                  one step
    model       open, LoRA, export                     checkpoint, metrics      what is kept
    course      the loop, from run to model            report                   `--dry-run`

Models, LoRA and distribution are transformers', peft's and accelerate's; what is ours is the
objective, and how rows become tokens. The only room that imports torch. Not a general trainer: one
model family (causal language models with a chat template), one kind of row.
"""

import os

# Threads that wait should sleep. Spinning, the default, made a step on two busy cores five times
# slower. OpenMP reads this once, when torch is imported, so it is set before any other module here.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
