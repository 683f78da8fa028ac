"""A verifier: any class that judges a student's whole message. This one wants the last number."""

import re

from tutelage.records import Verdict


class LastNumber:
    def verify(self, problem, message):
        numbers = re.findall(r"-?\d+", message)
        if not numbers:
            return Verdict("incorrect", "", "no number in the message", "last-number")
        if numbers[-1] != problem.gold.value:
            return Verdict("incorrect", numbers[-1], "another number", "last-number")
        return Verdict("correct", numbers[-1], verifier="last-number")
