"""Rounds of online RL, the paper's online arm: the policy plays, learns from it, and plays again.

    problems -> [warm-up: generate with Q-priming, train sft]
    round r:    generate with the newest weights -> train rl -> sometimes evaluate on held-out problems

Each step is one command of this program in its own process: a step that dies affects no other, and
each can be repeated by hand. vLLM stays up between the steps (`engines.hot_swap_servers`): it takes
the new weights while it is up, and frees the GPU for training. With `resident = false` each
generating step starts its own engine, with the same results.

    OUT/rounds.json                 the settings; a folder holds one loop
    OUT/rounds.jsonl                a line per round: returns, success by turn, tokens, seconds, weights
    OUT/problems/held-out.jsonl     never trained on; 0001.jsonl and so on: the problems of each round
    OUT/warmup/run, train           if [warmup] is configured
    OUT/rounds/0001/run, train, evaluation     and done.json; 0000 is the policy before the first round
    OUT/vllm-student.log                       output of the resident server

The folders are the state: a published run has its manifest, a training its progress, a round its
done.json. The same command therefore resumes, and a larger `rounds` extends the loop.

    plan        the TOML file, read and checked         problems    of each round, and held out
    loop        the steps, and a round's figures        folder      the loop's folder, and run files
    cautions    warning signs in a loop

With `asynchronous` each round is played while the previous one is trained, on other GPUs
(`CUDA_VISIBLE_DEVICES=0,1 tutelage rounds ...` with `trainer = "env CUDA_VISIBLE_DEVICES=2,3
accelerate launch --num_processes 2"`), with weights that are exactly one round older. A line's
`staleness` records this, and the loss uses the stored log-probabilities. Weights go from training
to vLLM through the files in `last`, because vLLM's own transfer (`ipc`, `nccl`) needs CUDA on both
sides.

`flow` generates and `train` trains; this package only drives them.
"""

from tutelage.rounds.loop import best, perform, read
from tutelage.rounds.plan import Plan, load

__all__ = ["Plan", "best", "load", "perform", "read"]
