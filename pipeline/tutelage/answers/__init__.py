"""Reads answers: texts into typed values, golds into what is wanted, messages into what they put as
it.

One reader for verdicts and for leaks. From the bottom up:

    plain                        one spelling for LaTeX, Unicode and markup
    numerals, units, numbers     numbers in words and figures, with their units; dates and times
    formulas, evaluation         formulas as trees; what they come to, and whether two are the same
    values, reading              what a short text is as a whole
    statement, gold              what a problem asks, offers and wants, read once
    equality                     whether two values are the same answer
    pieces, sentences            where values stand in a text, and what a sentence does with them
    marks, choices, asked, prose, lists, final
                                 which part of a student's message is its final answer
    tables                       rules as rows that can be taken out one by one

It reads and compares, and judges nobody: a verdict is `verifiers.math`'s, a leak `leaks`'.
"""
