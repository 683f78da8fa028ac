"""The bundled trainer: SFT and GRPO from the shards of a run. Small enough to read whole.

    recipe     what a training depends on              rows, groups, dataset   shards to groups
    tokens     a dialogue as token ids                 packing, attention      groups to passes
    loss       the one loss                            head, policy            log-probabilities
    learner    one step                                model, sharding, optimizer
    loop       from run to model                       checkpoint, weights, metrics   what is kept
    dry_run    what it would do, and `memory` want     README.md   the order to read them in

Models, LoRA and distribution are transformers', peft's and PyTorch's; what is ours is the
objective, and how rows become tokens. The only room that imports torch. Not a general trainer: one
model family (causal language models with a chat template), one kind of row.
"""

import os

# Threads that wait should sleep. Spinning, the default, made a step on two busy cores five times
# slower. OpenMP reads this once, when torch is imported, so it is set before any other module here.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
