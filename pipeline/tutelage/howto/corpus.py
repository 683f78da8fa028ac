"""A corpus: any class with `open`, `name` and `rows`. This one asks for sums of two numbers."""

from tutelage.corpora import Row
from tutelage.corpora.problem import answer, make


class Sums:
    makes = "sums of two numbers: ?size=100"
    name = "sums"

    @classmethod
    def open(cls, spec, argument, options):  # from NAME:argument?option=value
        corpus = cls()
        corpus.spec, corpus.size = spec, int(options.get("size", 100))
        return corpus

    def rows(self, part=0, parts=1):  # several workers read one part each
        for index in range(part, self.size, parts):
            a, b = 10 + index, 7 * index % 50
            fields = {"statement": f"How much is {a} + {b}?", "solution": f"{a} + {b} = {a + b}"}
            problem = make(source="sums", domain="math", gold=answer(str(a + b)), **fields)
            yield Row(self.spec, index, problem)
