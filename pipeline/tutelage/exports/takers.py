"""The table of takers. A dotted `package.module:NAME` of a `Taker` is taken in place of a name."""

TAKERS = {
    "trl-sft": "tutelage.exports.trl_sft:TAKER",
    "trl-grpo": "tutelage.exports.trl_grpo:TAKER",
    "trl-dpo": "tutelage.exports.trl_dpo:TAKER",
    "trl-kto": "tutelage.exports.trl_kto:TAKER",
    "verl": "tutelage.exports.verl:TAKER",
    "verl-sft": "tutelage.exports.verl_sft:TAKER",
    "skyrl": "tutelage.exports.skyrl:TAKER",
    "prime-rl": "tutelage.exports.prime_rl:TAKER",
    "nemo-gym": "tutelage.exports.nemo_gym:TAKER",
    "art": "tutelage.exports.art:TAKER",
    "openai": "tutelage.exports.openai:TAKER",
    "sharegpt": "tutelage.exports.sharegpt:TAKER",
    "sdft": "tutelage.exports.sdft:TAKER",
    "axolotl": "tutelage.exports.axolotl:TAKER",
    "llamafactory": "tutelage.exports.llamafactory:TAKER",
    "verifiers": "tutelage.exports.verifiers:TAKER",
}
"""Where each taker is described, by the name that `--to` has for it."""
