"""Runs to be looked at: figures with their intervals side by side, pages of them and of dialogues.

    counting       one run -> its figures, and for each arm solved and tokens by problem and turn
    comparison     several runs -> one tree: curves, lifts over `retry`, rates, prompts and models
    page           that tree as one HTML file
    conversation   dialogues as one HTML file

Everything is counted by SQL, so a run of a million dialogues takes seconds. Nothing here plays, and
nothing is loaded from anywhere by a page.
"""
