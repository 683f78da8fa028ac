"""The leak gate: does a teacher's message, or a student's question, let the gold answer out?

`find_leak` decides by rules, in tens of microseconds, purely and in any thread. A leak is a value
equal to the gold that is not public, or a public one that is put as the answer; "equal" is the
verifier's word (`answers.equality`), so what the verifier would accept the gate finds. What it
finds has a kind:

    string      the gold as it is written: 42, Tuesday, 1 May 2023
    number      its value in another notation: 0.5 or 50 % for 1/2, 2300 g for 2.3 kg, a rounded
    form
    words       its value in words: forty-two, one half, two dozen; "91 is not prime" for no
    expression  something that comes to it, put as the answer: "the answer is 27 - 5"
    boxed       in \\boxed{}, whatever form it has
    set         all elements of a set, list, tuple or interval in a row
    choice      the right option: its letter, place or text, or all others ruled out
    code        more than half of the reference solution's n-grams, or a whole function
    hidden      split, reversed, encoded, or told by its distance from a known number or the
    student's
    confirmed   public already, but affirmed as the answer: "yes", "your first answer was right"

**What is public is no leak**: a value of the statement or of the student's own turns may be said
again, unless the message singles it out as the answer. What the teacher said before is not public.
**Coincidence is no leak**: `step 2`, `two ways`, `60 minutes in an hour`; whole numbers up to 12
count only where they come out of something. **Work is no leak**, unless `leaks.expression` is
`block`: a hint may name the last operation, `work out 27 - 5`; put as the answer it leaks. So does
what only mends the student's number: `subtract 1 from your answer`. A contradiction ("it is not
42") of a number that was not public is a leak, too: the number is out. Of a very long text only
both ends are looked at.

What rules do *not* find: riddles ("the only even prime"), other languages, an answer spread over
messages, two steps left to do with all figures given, a solution in other words or other code. That
is a reader's work: a language model that says which answer a draft implies (`dialogue`), compared
by the verifier.
"""

from tutelage.leaks.gate import find_leak

__all__ = ["find_leak"]
