"""A run in the form that somebody else's trainer reads. Not a trainer, and no second kind of run.

    takers      the table: who reads what          taker       what a taker is
    selection   which rows go out                  replies     a dialogue as a text trainer sees it
    tokenised   a dialogue as token ids            lengths     what a taker would cut off
    writing     Parquet and JSONL, streamed        exporting   all of it together

and one file a taker. A taker is added by a file here and a line in the table.

What holds for every one of them: what is trained is what our own trainer trains, or the row is left
out and counted under its reason, or the whole export is refused with it. Nothing is padded, guessed
or cut short in silence. Rows are read, changed and written one after another.
"""
