"""Makes runs from runs: filters, merges, republishes and reverifies them. No engine, no Beam.

A run is never changed in place. Each operation writes another run, in a folder of its own:

    derive(parents, operation, fate of each row, new columns) -> shards, manifest, card

    parents     the input runs, checked, as one numbered list of rows (`row_index`)
    stream      their rows in shard order, some hundred at a time
    writing     writes a derived run; nothing else does
    account     its manifest, counted from the rows that were written, and its card
    rules       what `filter` drops, each rule as SQL that anybody can repeat
    overlap     the problems that an evaluation set has, too
    marks       near-duplicates and splits, computed again over all rows
    judging     verdicts and leaks, computed again

The fate of a row is the file that it goes to, or the rule that drops it. The account therefore holds
by construction; it is checked nevertheless before the manifest is written: **input = kept + dropped by
rule**. `manifest.json` has it under `derived`, with the operation, its arguments, and the parents by
run id and by the digest of their manifests. The same command gives the same bytes.

Rows keep the `run_id` of the run that generated them. Memory holds a few row groups per file, some
bytes per row for the rules, and a sketch per row when near-duplicates are searched.
"""
