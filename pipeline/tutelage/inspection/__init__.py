"""Reports about runs: figures with intervals, side by side, and HTML pages of them and of dialogues.

    counting       one run -> its figures, and solved and tokens by arm, problem and turn
    comparison     several runs -> one tree: curves, lifts over `retry`, rates, prompts and models
    page           that tree as one HTML file
    conversation   dialogues as one HTML file
    pages          the templates of both

SQL does the counting, so a run of a million dialogues takes seconds. Nothing here plays dialogues,
and the pages load nothing from elsewhere.
"""
