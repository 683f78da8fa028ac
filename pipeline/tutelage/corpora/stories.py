"""The stories of the starter corpus: their words, people and things. Data only.

A story is a text with placeholders, the operators of its steps, and one sentence per step.
Placeholders: `{name}`, `{friend}` (another name), `{she}`, `{She}` (the pronoun of `name`),
`{thing}` (a plural), `{a}`, `{b}`, `{d}` (the given numbers), and in a step's sentence `{sum}`.
"""

from dataclasses import dataclass

PEOPLE = (
    ("Mia", "she"), ("Omar", "he"), ("Lena", "she"), ("Jonas", "he"), ("Priya", "she"),
    ("Mateo", "he"), ("Aisha", "she"), ("Felix", "he"), ("Hana", "she"), ("Diego", "he"),
    ("Clara", "she"), ("Kofi", "he"), ("Nadia", "she"), ("Ravi", "he"), ("Ines", "she"),
    ("Tom", "he"), ("Yuki", "she"), ("Bruno", "he"), ("Zara", "she"), ("Liam", "he"),
    ("Greta", "she"), ("Samir", "he"), ("Ruth", "she"), ("Pablo", "he"), ("Wanda", "she"),
    ("Hugo", "he"), ("Salma", "she"), ("Emil", "he"), ("Joy", "she"), ("Kenji", "he"),
    ("Paula", "she"), ("Marco", "he"), ("Alice", "she"), ("Tariq", "he"), ("Vera", "she"),
    ("Oscar", "he"), ("Noor", "she"), ("Leo", "he"), ("Edith", "she"), ("Anton", "he"),
)  # fmt: skip

_TREASURES = (
    "shells", "stamps", "marbles", "stickers", "coins", "cards", "buttons", "postcards",
    "pebbles", "feathers", "badges", "beads",
)  # fmt: skip
_TREATS = (
    "cookies", "muffins", "pancakes", "biscuits", "rolls", "dumplings", "waffles", "tarts",
    "pretzels", "buns", "cupcakes", "scones",
)  # fmt: skip
_FRUIT = (
    "apples", "pears", "plums", "lemons", "peaches", "cherries", "figs", "mangoes", "oranges",
    "apricots", "limes", "berries",
)  # fmt: skip
_SUPPLIES = (
    "pencils", "crayons", "markers", "notebooks", "erasers", "rulers", "paper clips", "brushes",
    "folders", "pens", "envelopes", "labels",
)  # fmt: skip
_PLANTS = (
    "tulips", "roses", "carrots", "onions", "beans", "daisies", "tomatoes", "lilies", "radishes",
    "peppers", "sunflowers", "pumpkins",
)  # fmt: skip
_ANIMALS = (
    "ducks", "sheep", "goats", "hens", "geese", "rabbits", "ponies", "cows", "lambs", "turkeys",
    "pigeons", "swans",
)  # fmt: skip
_TOYS = (
    "toy cars", "blocks", "puzzles", "dolls", "kites", "yo-yos", "balls", "robots", "puppets",
    "spinning tops", "toy trains", "dominoes",
)  # fmt: skip
_GOODS = (
    "lamps", "hats", "scarves", "mugs", "baskets", "candles", "plates", "blankets", "umbrellas",
    "cushions", "bowls", "vases",
)  # fmt: skip
_TOWNS = (
    "lake", "station", "market", "museum", "library", "harbour", "bakery", "castle", "stadium",
    "park", "theatre", "post office",
)  # fmt: skip
_PURCHASES = (
    "book", "ball", "cap", "game", "poster", "plant", "torch", "scarf", "mug", "puzzle", "kite",
    "toy boat",
)  # fmt: skip
_EVENTS = (
    "concert", "play", "film", "match", "dance", "lecture", "fair", "parade", "picnic", "party",
    "festival", "circus",
)  # fmt: skip
_CHORES = (
    "painting the fence", "mowing the lawn", "washing the car", "tidying the garage",
    "raking leaves", "cleaning windows", "sorting bottles", "cooking dinner", "feeding the hens",
    "watering the beds", "baking bread", "folding laundry",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Story:
    """One kind of word problem."""

    sum: str
    """The steps as operators, `+ - *`: `+-` adds `b` to `a`, then subtracts `d`."""
    text: str
    steps: tuple[str, ...]
    """One sentence per step, each with its `{sum}`, which becomes `12 + 5 = 17`."""
    things: tuple[str, ...]


STORIES = (
    Story(
        "+",
        "{name} finds {a} {thing} on Saturday and {b} {thing} on Sunday. "
        "How many {thing} does {name} find that weekend?",
        ("{name} finds {sum} {thing} that weekend.",),
        _TREASURES,
    ),
    Story(
        "+",
        "There are {a} {thing} on one farm. On the farm next door, {name} counts {b} more of them. "
        "What is the number of {thing} on both farms together?",
        ("Both farms together have {sum} {thing}.",),
        _ANIMALS,
    ),
    Story(
        "+",
        "Walking to the {thing} takes {name} {a} minutes. Coming home by a longer path takes {b} "
        "minutes. How many minutes does {name} walk altogether?",
        ("{name} walks for {sum} minutes altogether.",),
        _TOWNS,
    ),
    Story(
        "+",
        "{name} spent {a} minutes {thing} before lunch. After lunch {she} went on for another {b} "
        "minutes. For how many minutes did {name} work in total?",
        ("{name} worked for {sum} minutes in total.",),
        _CHORES,
    ),
    Story(
        "+",
        "A jar costs {a} dollars and a {thing} costs {b} dollars. {name} buys one of each. "
        "How many dollars does {she} pay?",
        ("One of each costs {sum} dollars.",),
        _PURCHASES,
    ),
    Story(
        "-",
        "{name} baked {a} {thing} for the school fair. By noon, {b} of them were sold. "
        "How many {thing} were left?",
        ("After the sale {sum} {thing} were left.",),
        _TREATS,
    ),
    Story(
        "-",
        "{name} has {a} {thing} and gives {b} of them to {friend}. "
        "How many {thing} does {name} still have?",
        ("{name} still has {sum} {thing}.",),
        _TOYS,
    ),
    Story(
        "-",
        "{a} people had tickets for the {thing}, but only {b} came. {name} counted the empty "
        "seats. How many people stayed away from the {thing}?",
        ("The number of people who stayed away is {sum}.",),
        _EVENTS,
    ),
    Story(
        "-",
        "{name} picked {a} {thing}. {friend} picked {b} {thing}. "
        "How many more {thing} did {name} pick than {friend}?",
        ("{name} picked {sum} more {thing} than {friend}.",),
        _FRUIT,
    ),
    Story(
        "-",
        "The {thing} is {a} blocks away from school. {name} has walked {b} blocks towards it so "
        "far. How many blocks are still to go?",
        ("There are {sum} blocks still to go.",),
        _TOWNS,
    ),
    Story(
        "-",
        "In the garden of {name} there were {a} {thing}. Last night, the frost killed {b}. "
        "How many {thing} survived?",
        ("The frost left {sum} {thing} alive.",),
        _PLANTS,
    ),
    Story(
        "-",
        "{name} wants a {thing} that costs {a} dollars. So far {she} has saved {b} dollars. "
        "How many more dollars does {name} need?",
        ("{name} needs {sum} more dollars.",),
        _PURCHASES,
    ),
    Story(
        "*",
        "{name} opens {a} boxes. In every box there are {b} {thing}. "
        "How many {thing} does {name} have?",
        ("The boxes hold {sum} {thing}.",),
        _SUPPLIES,
    ),
    Story(
        "++",
        "On Monday {name} sold {a} {thing}, on Tuesday {b}, and on Wednesday {d}. "
        "How many {thing} did {name} sell over the three days?",
        (
            "On Monday and Tuesday {name} sold {sum} {thing}.",
            "Over the three days {name} sold {sum} {thing}.",
        ),
        _GOODS,
    ),
    Story(
        "++",
        "{name} needed {a} minutes for {thing}, then rested for {b} minutes, then read for {d} "
        "minutes. How many minutes passed in all?",
        (
            "The work and the rest took {sum} minutes.",
            "With the reading, {sum} minutes passed.",
        ),
        _CHORES,
    ),
    Story(
        "+-",
        "{name} had {a} {thing}. {friend} gave {name} {b} more. Later {name} lost {d} of them. "
        "How many {thing} does {name} have now?",
        (
            "With the gift, {name} had {sum} {thing}.",
            "After the loss, {name} has {sum} {thing}.",
        ),
        _TREASURES,
    ),
    Story(
        "+-",
        "A shop had {a} {thing} in the morning. A van brought {b} more, and then {name} sold {d} "
        "before closing time. How many {thing} remained in the shop?",
        (
            "After the van came, the shop had {sum} {thing}.",
            "At closing time {sum} {thing} remained.",
        ),
        _GOODS,
    ),
    Story(
        "+-",
        "{name} earned {a} dollars on Friday and {b} dollars on Saturday. Then {she} spent {d} "
        "dollars on a {thing}. How many dollars are left?",
        (
            "On both days together {name} earned {sum} dollars.",
            "After paying for the {thing}, {sum} dollars are left.",
        ),
        _PURCHASES,
    ),
    Story(
        "--",
        "{name} packed {a} {thing} for a trip. {She} ate {b} on the train and shared out {d} at "
        "the camp. How many {thing} were not eaten or shared?",
        (
            "After the train ride {sum} {thing} were left.",
            "After sharing at the camp {sum} {thing} were left.",
        ),
        _TREATS,
    ),
    Story(
        "--",
        "A bus left the {thing} with {a} passengers. At the first stop {b} got off, and at the "
        "second stop {d} got off. {name} stayed on. How many passengers were still on the bus?",
        (
            "After the first stop there were {sum} passengers.",
            "After the second stop there were {sum} passengers.",
        ),
        _TOWNS,
    ),
    Story(
        "-+",
        "There were {a} {thing} on the meadow. When {name} came near, {b} ran off, but later {d} "
        "came back. How many {thing} were on the meadow then?",
        (
            "After some ran off, {sum} {thing} stayed.",
            "When some came back, there were {sum} {thing}.",
        ),
        _ANIMALS,
    ),
    Story(
        "-+",
        "{name} took {a} {thing} to class and handed out {b}. The teacher then gave {name} {d} new "
        "ones. How many {thing} does {name} have at the end?",
        (
            "After handing some out, {name} had {sum} {thing}.",
            "With the new ones, {name} has {sum} {thing}.",
        ),
        _SUPPLIES,
    ),
    Story(
        "*+",
        "{name} planted {a} rows with {b} {thing} in each row, and {d} more beside the gate. "
        "How many {thing} did {name} plant?",
        (
            "The rows hold {sum} {thing}.",
            "With those beside the gate there are {sum} {thing}.",
        ),
        _PLANTS,
    ),
    Story(
        "*-",
        "{friend} filled {a} bags with {b} {thing} each. {name} then took out {d} bad ones. "
        "How many good {thing} were there?",
        (
            "The bags held {sum} {thing}.",
            "Without the bad ones there were {sum} good {thing}.",
        ),
        _FRUIT,
    ),
)
