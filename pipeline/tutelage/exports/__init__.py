"""Writes a run in the format of another trainer, called a taker. Trains nothing itself.

    takers      table of the takers               taker       what a taker is
    selection   which rows are exported           replies     a dialogue for a trainer on text
    flagged     chats with a flag per message     tokenised   a dialogue as token ids
    lengths     rows that a taker would cut       writing     Parquet and JSONL, streamed
    exporting   an export from start to end

There is one file per taker; adding one takes such a file and a line in the table.

Every export trains what our own trainer would train. A row for which that is impossible is left out
and counted under its reason, or the export is refused. Nothing is silently padded, guessed or cut
short. Rows are read, converted and written one after another.
"""
