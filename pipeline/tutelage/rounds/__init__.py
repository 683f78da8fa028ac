"""Rounds of online RL, the paper's online arm: the policy plays, learns from it, plays again.

    problems -> [warm-up: generate with Q-priming, train sft]
    round r:    generate with the newest weights -> train rl -> now and then a look at held-out problems

Each step is one command of this program in a process of its own: a step that dies takes nothing
with it, and each can be repeated by hand. vLLM stays up between the steps
(`engines.hot_swap_servers`): it is handed the new weights while it runs, and leaves the GPU to a
training. With `resident = false` each step that plays starts an engine of its own, which plays the
same game.

    OUT/rounds.json                 what was asked for; a folder holds one loop
    OUT/rounds.jsonl                a line a round: returns, success by turn, tokens, seconds, weights
    OUT/problems/held-out.jsonl     never trained; 0001.jsonl and so on: what each round draws
    OUT/warmup/run, train           where [warmup] asks for it
    OUT/rounds/0001/run, train, evaluation     and done.json; 0000 is the policy before the first
    OUT/vllm-student.log                       what the resident server said

State is what lies in the folders: a published run has its manifest, a training its progress, a
round its done.json. So the same command goes on, and a larger `rounds` extends the loop.

    plan        the TOML file, read and checked         problems    who plays what; what is held out
    loop        the steps, and what a round says        folder      the loop's folder, and run files
    cautions    signs that a loop goes wrong

With `asynchronous` each round is played while the one before it is trained, on other GPUs
(`CUDA_VISIBLE_DEVICES=0,1 tutelage rounds ...` with `trainer = "env CUDA_VISIBLE_DEVICES=2,3 accelerate
launch --num_processes 2"`), with weights that are one round older and no more: `staleness` of a line
says so, and the loss compares with the log-probabilities that were stored. Weights go from a training
to vLLM by the files of `last`. vLLM's own transfer (`ipc`, `nccl`) wants CUDA on both sides.

Not here: how to play (`flow`), how to learn (`train`).
"""

from tutelage.rounds.loop import best, perform, read
from tutelage.rounds.plan import Plan, load

__all__ = ["Plan", "best", "load", "perform", "read"]
