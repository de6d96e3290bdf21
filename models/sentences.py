"""The sentences that the demonstration model is trained on, and how they are written.

`grammar.txt` holds the sentences' frames and words; this module works out what a list of words
cannot: numbers, times, dates, amounts, durations and spelled letters. Everything is written out in
words ("forty-two", never "42"): Whisper's own text normaliser maps both to the same.
"""

import random
import re
from functools import cache
from pathlib import Path

from num2words import num2words

GRAMMAR = Path(__file__).with_name("grammar.txt")
LARGEST_NUMBER = 999_999
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
NAMES = (
    "ay bee see dee ee eff jee aitch eye jay kay ell em "
    "en oh pee cue are ess tee you vee double-you ex why zee"
)
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
LETTER_NAMES = dict(zip(LETTERS, [name.replace("-", " ") for name in NAMES.split()], strict=True))
Grammar = dict[str, list[str]]


@cache
def grammar(path: Path = GRAMMAR) -> Grammar:
    """Read a grammar: each rule's alternatives by its name; a repeated one is likelier."""
    rules: Grammar = {}
    for line in map(str.strip, path.read_text().splitlines()):
        if line.startswith("["):
            rules[name := line.strip("[]")] = []
        elif line and not line.startswith("#"):
            rules[name] += [alternative.strip() for alternative in line.split("|")]
    return rules


def number_in_words(n: int, with_and: bool = True) -> str:
    """Write a number of 0 to 999 999 as it is spoken: 142 is "one hundred and forty-two"."""
    if not 0 <= n <= LARGEST_NUMBER:
        raise ValueError(f"{n} is not in 0 to {LARGEST_NUMBER}")
    words = str(num2words(n)).replace(",", "")
    return words if with_and else words.replace(" and ", " ")


def ordinal_in_words(n: int) -> str:
    """Write an ordinal: 21 is "twenty-first"."""
    return str(num2words(n, to="ordinal"))


def year_in_words(year: int) -> str:
    """Write a year of 1100 to 2099 as it is spoken: 1984 is "nineteen eighty-four"."""
    return str(num2words(year, to="year")).replace("oh-", "oh ").replace(" and ", " ")


def _number(rng: random.Random) -> str:
    n = rng.randrange(10 ** rng.randint(1, 6))
    if rng.random() < 0.25:  # round numbers are commoner than others
        n = int(float(f"{n:.1g}")) % (LARGEST_NUMBER + 1)
    return number_in_words(n, rng.random() < 0.6)


def _small_number(rng: random.Random) -> str:
    return number_in_words(
        rng.choice((rng.randint(2, 12), rng.randint(2, 60), 5 * rng.randint(1, 20)))
    )


def _digit(rng: random.Random) -> str:
    return rng.choice(DIGITS)


def _digits(rng: random.Random) -> str:
    return " ".join(rng.choices(DIGITS, k=rng.randint(2, 8)))


def _time(rng: random.Random) -> str:
    hour, minute = number_in_words(rng.randint(1, 12)), rng.randint(1, 59)
    kind = rng.random()
    if kind < 0.06:
        return rng.choice(("noon", "midnight"))
    if kind < 0.2:
        return f"{hour} o'clock"
    if kind < 0.3:
        return rng.choice((f"half past {hour}", f"quarter past {hour}", f"quarter to {hour}"))
    if kind < 0.38:
        return f"{number_in_words(rng.choice((5, 10, 20, 25)))} {rng.choice(('past', 'to'))} {hour}"
    if kind < 0.5:
        clock = hour
    else:
        minute = rng.choice((minute, minute, 5 * (minute // 5), 30))
        clock = (
            hour
            if minute == 0
            else f"{hour} {'oh ' if minute < 10 else ''}{number_in_words(minute)}"
        )
    return clock if kind > 0.78 else f"{clock} {rng.choice(('AM', 'PM'))}"


def _ordinal(rng: random.Random) -> str:
    return ordinal_in_words(rng.randint(1, 31))


def _date(rng: random.Random) -> str:
    month, day = rng.choice(grammar()["month"]), _ordinal(rng)
    return f"{month} {day}" if rng.random() < 0.6 else f"the {day} of {month}"


def _year(rng: random.Random) -> str:
    return year_in_words(
        rng.choice((rng.randint(1900, 2030), rng.randint(1950, 2030), rng.randint(1100, 2030)))
    )


def _money(rng: random.Random) -> str:
    amount, unit = _small_number(rng), rng.choice(("dollars", "dollars", "euros", "pounds"))
    kind = rng.random()
    if kind < 0.2:
        return rng.choice(
            ("one dollar", "one euro", f"{_small_number(rng)} cents", f"{_number(rng)} {unit}")
        )
    if kind < 0.55:
        return f"{amount} {unit}"
    cents = number_in_words(rng.choice((5 * rng.randint(1, 19), rng.randint(2, 99))))
    return f"{amount} {unit} and {cents} cents"


def _duration(rng: random.Random) -> str:
    unit = rng.choice(
        (
            "seconds",
            "minutes",
            "minutes",
            "minutes",
            "hours",
            "hours",
            "days",
            "weeks",
            "months",
            "years",
        )
    )
    kind = rng.random()
    if kind < 0.2:
        return rng.choice(
            (
                "an hour",
                "half an hour",
                "one minute",
                "a minute",
                "an hour and a half",
                "one second",
                "a week",
            )
        )
    if kind < 0.3:
        return f"{_small_number(rng)} hours and {_small_number(rng)} minutes"
    return f"{_small_number(rng)} {unit}"


def _letter(rng: random.Random) -> str:
    return rng.choice(LETTERS)


def _letters(rng: random.Random) -> str:
    if rng.random() < 0.4:
        word = rng.choice([word for word in vocabulary() if 2 <= len(word) <= 7 and word.isalpha()])
        return " ".join(word.upper())
    return " ".join(rng.choices(LETTERS, k=rng.randint(2, 7)))


def _code(rng: random.Random) -> str:
    return " ".join(rng.choices([*LETTERS, *DIGITS, *DIGITS], k=rng.randint(3, 7)))


WORKED_OUT = {
    "number": _number,
    "small_number": _small_number,
    "digit": _digit,
    "digits": _digits,
    "time": _time,
    "ordinal": _ordinal,
    "date": _date,
    "year": _year,
    "money": _money,
    "duration": _duration,
    "letter": _letter,
    "letters": _letters,
    "code": _code,
}


def expand(rule: str, rng: random.Random) -> str:
    """Expand a rule of the grammar into words, each alternative being equally likely."""
    if rule in WORKED_OUT:
        return WORKED_OUT[rule](rng)
    return re.sub(r"\{(\w+)\}", lambda slot: expand(slot[1], rng), rng.choice(grammar()[rule]))


def written(words: str) -> str:
    """Give words the form of a sentence: a capital at its beginning, "an" before a vowel."""
    words = re.sub(r"\ba(?= (?!un[ai]|use|one\b)[aeiou]| h(?:our|onest)\b)", "an", words)
    return words[0].upper() + words[1:]


def sentence(rng: random.Random) -> str:
    """Draw one sentence of the grammar.

    Parameters
    ----------
    rng
        Where chance comes from: the same state gives the same sentence.

    Returns
    -------
    str
        A written sentence such as "Set a timer for forty-two minutes."
    """
    return written(expand("sentence", rng))


@cache
def vocabulary() -> tuple[str, ...]:
    """Return every word that sentences are made of, sorted, as written inside a sentence."""
    sentence_rules = set(re.findall(r"\w+", " ".join(grammar()["sentence"])))
    words: set[str] = set()
    for rule, alternatives in grammar().items():
        for alternative in alternatives:
            inside = re.sub(r"\{\w+\}", "X", alternative)
            if rule in sentence_rules:  # only there does an alternative's own capital say nothing
                own = inside.startswith(("I ", "I'"))
                inside = inside if own else inside[0].lower() + inside[1:]
            words.update(word for word in re.findall(r"[A-Za-z'-]+", inside) if word != "X")
    words = {word for word in words if not (word[0].isupper() and word.lower() in words)}
    numbers = [number_in_words(n) for n in (*range(100), 100, 1000)]
    ordinals = [ordinal_in_words(n) for n in range(1, 32)]
    words.update(" ".join([*numbers, *ordinals, "AM", "PM"]).split())
    return tuple(sorted(words))


def random_words(rng: random.Random) -> str:
    """Draw three to nine words of the vocabulary in no order at all, written as a sentence.

    Words that sound like another are left out: without a sentence nobody could tell them apart.
    """
    alike = grammar()["sounding_alike"]
    words = [word for word in vocabulary() if word not in alike]
    chosen = " ".join(rng.choices(words, k=rng.randint(3, 9)))
    return chosen[0].upper() + chosen[1:] + "."


def spoken(sentence: str) -> str:
    """Respell a sentence so that every synthesiser reads it alike: letters by name, no hyphens."""
    words = sentence.replace("-", " ").split()
    is_code = [re.fullmatch(r"[A-Z][.,?!]?", word) is not None for word in words]
    read: list[str] = []
    for i, word in enumerate(words):
        name, mark = word.rstrip(".,?!"), word[len(word.rstrip(".,?!")) :]
        following = words[i + 1].rstrip(".,?!").lower() if i + 1 < len(words) else ""
        article = (
            i == 0 and name == "A" and following and not is_code[1] and following not in DIGITS
        )
        if is_code[i] and not article:
            name = LETTER_NAMES[name]
        elif name in ("AM", "PM"):
            name = " ".join(LETTER_NAMES[letter] for letter in name)
        read.append(name + mark)
    return " ".join(read)


TEST_SENTENCES = Path(__file__).with_name("test_sentences.txt")
KINDS = {
    "commands": ("command",),
    "questions": ("question",),
    "everyday": ("report", "story", "feeling", "plan", "shopping", "small_talk"),
    "numbers": ("number_sentence",),
    "times": ("when_sentence",),
    "dates": ("date_sentence",),
    "letters": ("spelling_sentence",),
}


def draw_test_sentences(rng: random.Random, of_each: int = 45) -> list[tuple[str, str]]:
    """Draw the sentences of `test_sentences.txt`: of each kind as many, none under four words."""
    drawn: dict[str, str] = {}
    for kind, rules in KINDS.items():
        while sum(k == kind for k in drawn.values()) < of_each:
            candidate = written(expand(rng.choice(rules), rng))
            if len(candidate.split()) >= 4:
                drawn.setdefault(candidate, kind)
    return [(kind, text) for text, kind in drawn.items()]


@cache
def test_sentences() -> tuple[tuple[str, str], ...]:
    """Return the committed test sentences as (kind, written sentence); training never sees them."""
    lines = [
        line
        for line in TEST_SENTENCES.read_text().splitlines()
        if line and not line.startswith("#")
    ]
    return tuple((line.split("\t")[0], line.split("\t")[1]) for line in lines)


def same_words(sentence: str) -> str:
    """Return what two sentences share that differ only in capitals and punctuation."""
    return " ".join(re.findall(r"[a-z']+", sentence.lower()))
