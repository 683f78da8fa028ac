"""Runs made of runs: filtered, merged, published anew, judged anew. No engine, no Beam.

A run is a value. Whatever is done to one gives another, in a folder of its own:

    derive(parents, operation, fate of each row, new columns) -> shards, manifest, card

    parents     the runs that it is made of, checked, as one numbered list of rows (`row_index`)
    stream      their rows in the order in which shards have them, some thousand at a time
    writing     the one place that writes a derived run
    account     its manifest, counted from the rows that were written, and its card
    rules       what `filter` drops, each rule as SQL that anybody can repeat
    marks       near-duplicates and splits, found anew over all rows
    judging     verdicts and leaks, found anew

The fate of a row is the file that it goes to, or the rule that drops it. So the account holds by
construction, and is checked all the same before the manifest is written: **input = kept + dropped by
rule**. `manifest.json` has it under `derived`, with the operation, its arguments, and the parents by
run id and by the digest of their manifests. The same command gives the same bytes.

Rows keep the `run_id` of the run that generated them. Of the rows themselves no more is in memory
than a few row groups a file; of each row some bytes of what it is chosen by, and where
near-duplicates are looked for, its sketch.
"""
