"""The bundled trainer: SFT and GRPO from the shards of a run. Small enough to read whole.

    recipe      what a training depends on             rows, dataset, groups   shards to groups
    tokens      a dialogue as token ids                packing                 groups to passes
    loss        the one loss                           learner                 one step
    model       open, LoRA, export                     checkpoint, metrics     what is kept
    loop        from run to model                      dry_run                 `--dry-run`

Models, LoRA and distribution are transformers', peft's and accelerate's; what is ours is the
objective, and how rows become tokens. The only room that imports torch. Not a general trainer: one
model family (causal language models with a chat template), one kind of row.
"""

import os

# Threads that wait should sleep. Spinning, the default, made a step on two busy cores five times
# slower. OpenMP reads this once, when torch is imported, so it is set before any other module here.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
