"""Other words for the captions of the training motion.

The motion sets come with few sentence patterns (mini_model, "Recipe: Text"); an animator does not type in patterns.
``paraphrases.json`` holds, written by hand, other ways to say each caption: a *pool* lists predicates that mean
the same and the ways to say them, the verbs that change with their subject marked by a star ("*walk forward and
*turn left"). This module gives every way a subject, a tense and the short forms of a prompt: "the man walks forward",
"walk forward", "walking forward".

A pool written for one side serves the other: what is not found is looked up in its mirror image.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

_FILE = Path(__file__).with_name("paraphrases.json")

PERSONS = (
    "a person", "someone", "the person", "the man", "she", "the character", "a man", "he", "the woman", "somebody",
    "the figure", "a woman", "the actor", "a guy", "the animated character",
)  # fmt: skip
DANCERS = ("the dancer", "a dancer", "this dancer", "one dancer")

_SOURCE_SUBJECT = re.compile(r"^(a person|someone|the person|the dancer) ")
_VERB = re.compile(r"\*(\w+)")
_KEEPS_DOING = re.compile(r"\*keep \w+ing\b")  # nobody says "is keeping walking"
_DOUBLES_LAST_LETTER = re.compile(r"^(?:(?:[^aeiou]|qu)*[aeiou][bdfgklmnprtvz]|sidestep)$")

# "right" also means correct ("all right") and square ("a right angle"); those stay when the sides are exchanged
_SIDE_WORD = re.compile(
    r"(?<!\ball )\b(?:right(?![ -]angle)|left)(?=wards?\b|\b)|\b(?:(?:counter|anti)-?)?clockwise\b",
    re.IGNORECASE,
)


def mirror_words(sentence: str) -> str:
    """``sentence`` for the mirrored motion: left and right exchanged, clockwise and counterclockwise too, case kept.

    "upright", "leftover", "all right" and "a right angle" stay. Twice gives the sentence back, except that
    "anti-clockwise" and "counter-clockwise" come back as "counterclockwise".
    """
    return _SIDE_WORD.sub(lambda match: _like(match[0], _other_side(match[0].lower())), sentence)


def first_side(sentence: str) -> int:
    """The side that ``sentence`` names first: 1 left, -1 right, 0 none; counterclockwise is left."""
    named = _SIDE_WORD.search(sentence)
    word = named[0].lower() if named else ""
    return 0 if not word else 1 if word == "left" or word.startswith(("counter", "anti")) else -1


@cache
def variants(sentence: str) -> tuple[str, ...]:
    """``sentence`` itself, then its paraphrases, distinct and always in the same order.

    Works for every caption of the motion sets and for its mirror image; a sentence that no pool knows (the weak
    whole-clip captions, a caption of one's own) is returned alone. Direction, side, body part, speed and count are the
    same in all of them.
    """
    return tuple(dict.fromkeys((sentence, *(phrase for way in spoken_ways(sentence) for phrase in way))))


@cache
def spoken_ways(sentence: str) -> tuple[tuple[str, ...], ...]:
    """For each way to say ``sentence`` the paraphrases made of it; empty where no pool knows the sentence."""
    ways = _ways_of(_SOURCE_SUBJECT.sub("", sentence))
    return tuple(_spoken(way, index, sentence) for index, way in enumerate(ways))


@cache
def meaning(sentence: str) -> str:
    """A name for what ``sentence`` and its mirror image say: the same for all captions of one pool, whichever side."""
    return min(wording(sentence), wording(mirror_words(sentence)))


@cache
def wording(sentence: str) -> str:
    """As `meaning`, but what is said of the other side has a name of its own; a sentence that no pool knows is its own
    name."""
    pools = _pool_names()
    own = pools.get(_SOURCE_SUBJECT.sub("", sentence))
    other = pools.get(_SOURCE_SUBJECT.sub("", mirror_words(sentence)))
    return own or (mirror_words(other) if other else sentence)


@cache
def known_captions() -> dict[str, tuple[str, ...]]:
    """The captions the pools were written for, by kind.

    ``motion``: rule sentences with a time range; ``trial``: sentences for a whole clip, without the weak ones.
    """
    return {kind: tuple(captions) for kind, captions in _content()["captions"].items()}


@cache
def _content() -> dict:
    return json.loads(_FILE.read_text(encoding="utf-8"))


@cache
def _pools() -> dict[str, tuple[str, ...]]:
    """predicate -> the ways of its pool."""
    return {predicate: tuple(pool["ways"]) for pool in _content()["pools"] for predicate in pool["means"]}


@cache
def _pool_names() -> dict[str, str]:
    """predicate -> the first predicate of its pool."""
    return {predicate: pool["means"][0] for pool in _content()["pools"] for predicate in pool["means"]}


def _ways_of(predicate: str) -> tuple[str, ...]:
    own = _pools().get(predicate)
    if own is not None:
        return own
    return tuple(mirror_words(way) for way in _pools().get(mirror_words(predicate), ()))


def _spoken(way: str, index: int, sentence: str) -> tuple[str, ...]:
    """The sentences made of one way; a way without a marked verb is a finished short prompt ("left kick")."""
    only_dancers = sentence.startswith("the dancer ") and "danc" not in way  # bare, the way would not tell of a dance
    if "*" not in way:
        return () if only_dancers else (way,)
    third, base, gerund = (_inflected(way, form) for form in (_third, str, _gerund))
    if only_dancers:
        subject, other = DANCERS[index % len(DANCERS)], DANCERS[(index + 1) % len(DANCERS)]
        return f"{subject} {third}", f"{other} is {gerund}"
    # "a person", "someone" and "the person" start at different subjects: one pool then says each caption differently
    start = 4 * index + len(sentence.split(" ", 2)[0])
    subject = PERSONS[start % len(PERSONS)]
    if _KEEPS_DOING.match(way):
        return f"{subject} {third}", base, third
    if index % 2:
        return f"{subject} is {gerund}", base, third
    return f"{subject} {third}", base, gerund


def _inflected(way: str, form: Callable[[str], str]) -> str:
    return " ".join(_VERB.sub(lambda match: form(match[1]), way).split())


def _third(verb: str) -> str:
    """walk -> walks, push -> pushes, carry -> carries."""
    if verb in ("be", "have"):
        return {"be": "is", "have": "has"}[verb]
    if re.search(r"(s|x|z|ch|sh|o)$", verb):
        return verb + "es"
    if re.search(r"[^aeiou]y$", verb):
        return verb[:-1] + "ies"
    return verb + "s"


def _gerund(verb: str) -> str:
    """walk -> walking, run -> running, take -> taking, lie -> lying; "be seated" -> "seated"."""
    if verb == "be":
        return ""
    if verb.endswith("ie"):
        return verb[:-2] + "ying"
    if verb.endswith("e") and not verb.endswith(("ee", "oe")):
        return verb[:-1] + "ing"
    if _DOUBLES_LAST_LETTER.match(verb):
        return verb + verb[-1] + "ing"
    return verb + "ing"


def _other_side(word: str) -> str:
    if word.endswith("clockwise"):
        return "counterclockwise" if word == "clockwise" else "clockwise"
    return {"left": "right", "right": "left"}[word]


def _like(model: str, word: str) -> str:
    """``word`` in the case of ``model``: left, Left or LEFT."""
    if model.isupper():
        return word.upper()
    return word.capitalize() if model[0].isupper() else word
