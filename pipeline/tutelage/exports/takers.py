"""The table of takers. Wherever a name is accepted, so is a dotted `package.module:NAME`."""

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
"""Name in `--to` -> the `Taker` that describes it."""
