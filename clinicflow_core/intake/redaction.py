"""
Redaction: what says who a patient is gives way to tokens, and comes back afterwards.

In doubt a text is hidden: what is hidden needlessly is put back all the same.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from datetime import date
from typing import Final

from attrs import define, field, frozen

from clinicflow_core.entities.patient import Patient, folded

Found = tuple[int, int, str]
"""Where something to hide starts and ends, and of which kind it is."""

_ORDINARY_WORDS: Final = """
a ah all am an and any are as ask at be been bit both but by can case chest day days do
early ear every eye fall fast feel few for foot from get go good had hand hard has have
he head heart her here high him his hot how i if ill im in is it just knee know last
late leg like little long lot low lung may me month more most much my neck new nor not
of off ok old on one or other our out over own pain sad say see self she short sick
since skin so some soon still stop such sun take ten than that the then there these they
this to too two under until up us very was way we week weeks well were what when which
who why will with work worse year years yet you your
"""
_ORDINARY: Final = frozenset(_ORDINARY_WORDS.split())
"""
Words that some are called by: in small letters and alone they stay, since a text
without them says nothing any more. Other names are hidden even where they are words.
"""

_NEVER_ALONE: Final = frozenset(("no", "yes", "i", "none", "not"))
"""An answer as short as these is one, whoever is called so."""

_SHORTEST_LOCAL: Final = 5
"""In characters; the first part of an e-mail address from here on is hidden alone."""

_SHORTEST: Final = 3
"""In letters; names from here on are found run together, or with an s, as well."""

_INVISIBLE: Final = "\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff"
_LETTER: Final = r"[^\W\d_]"
_WORD: Final = re.compile(rf"{_LETTER}(?:[{_INVISIBLE}\u0300-\u036f]*{_LETTER})*")
_UNSEEN: Final = re.compile(f"[{_INVISIBLE}]")
_BASE: Final = str.maketrans(
    {
        "\u00e6": "ae",
        "\u00f8": "o",
        "\u00f0": "d",
        "\u0111": "d",
        "\u0131": "i",
        "\u0142": "l",
        "\u0153": "oe",
        "\u00fe": "th",
    }
)
"""Letters that no accent makes of others, and how they are written without them."""

_GERMAN: Final = str.maketrans({"\u00e4": "ae", "\u00f6": "oe", "\u00fc": "ue"})

_DOMAIN: Final = r"[a-z0-9](?:[a-z0-9-]{0,62})(?:\.[a-z0-9-]{1,63}){1,8}"
_UUID: Final = r"[0-9a-f]{8}(?:-?[0-9a-f]{4}){3}-?[0-9a-f]{12}"
_AREA: Final = r"(?:\+?[0-9]{1,3}[- ./]{0,2})?(?:\([0-9]{3}\)|[0-9]{3})"
_LINE: Final = r"[0-9]{3}[- ./]{0,2}[0-9]{4}"
_PATTERNS: Final = tuple(
    (kind, re.compile(regex))
    for kind, regex in (
        # What looks like a token of ours is hidden as well: none that comes back can
        # have been typed by a patient.
        ("TEXT", r"\[[a-z]{1,8}-[0-9]{1,9}\]"),
        ("EMAIL", rf"[^\s@<>(),;:\"\[\]]{{1,64}}@{_DOMAIN}"),
        ("URL", r"(?<![a-z0-9])(?:https?:|ftp:|www\.)[^\s\"<>]+"),
        ("URL", r"(?<![a-z0-9.@-])(?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,24}/[^\s\"<>]*"),
        (
            "URL",
            r"(?<![a-z0-9.@-])(?:[a-z0-9-]{1,63}\.){1,8}(?:com|org|net|edu|gov)\b",
        ),
        ("ID", rf"(?<![0-9a-f]){_UUID}(?![0-9a-f])"),
        ("SSN", r"(?<![0-9])[0-9]{3}[- .][0-9]{2}[- .][0-9]{4}(?![0-9])"),
        ("PHONE", rf"(?<![0-9]){_AREA}[- ./]{{0,2}}{_LINE}(?![0-9])"),
        ("PHONE", r"(?<![0-9])[0-9]{3}[-.][0-9]{4}(?![0-9])"),
        # "06 12 34 56 78", "020 7946 0958"
        ("PHONE", r"(?<![0-9.,])0[0-9]{1,4}(?: [0-9]{2,4}){2,4}(?![0-9])"),
        ("PHONE", r"\+[0-9](?:[- ./()]{0,2}[0-9]){6,14}(?![0-9])"),
        ("NUMBER", r"(?<![0-9.,])[0-9]{7,}(?![0-9])"),
    )
)
_MONTH_NAMES: Final = """
january february march april may june july august september october november december
"""
_MONTHS: Final = tuple(_MONTH_NAMES.split())
_ORDINAL_NAMES: Final = """
zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth
thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth
"""
_ORDINALS: Final = tuple(_ORDINAL_NAMES.split())


@frozen
class _Name:
    """
    The parts of a patient's names, folded.

    Attributes:
        inside: What is looked for inside of words as well: first and last name run
            together, in both orders, and names in scripts that may run on.
    """

    parts: frozenset[str]
    inside: frozenset[str]


@define
class Redaction:
    """
    Hides in texts who one patient is, and puts it back.

    The same spelling always gets the same token, such as [NAME-1], and another
    spelling another one, so that `restore` gives back each text exactly.
    """

    _name: _Name = field(repr=False)
    _own: tuple[tuple[str, re.Pattern[str]], ...] = field(repr=False)
    _tokens: dict[str, str] = field(factory=dict, repr=False)
    _hidden: dict[str, str] = field(factory=dict, repr=False)
    _counts: dict[str, int] = field(factory=dict, repr=False)

    @classmethod
    def of(cls, patient: Patient) -> Redaction:
        """Return one that knows nothing but the record of *patient*."""
        own = []
        if patient.email:
            own.append(("EMAIL", _email_pattern(_shadow(patient.email))))
        if patient.date_of_birth is not None:
            own.append(("DATE", _birth_dates(patient.date_of_birth)))
        if phone := _phone_pattern(patient.phone or ""):
            own.append(("PHONE", phone))
        return cls(_name_of(patient), tuple(own))

    def hide(self, text: str) -> str:
        """
        Return *text* with tokens for what says who the patient is.

        That is any spelling of the names, the birth date, e-mail, phone and id on
        record, and every e-mail address, phone or social security number, UUID,
        link and long number, whosever they are.
        """
        shadow = _shadow(text)
        pieces = []
        done = 0
        for start, end, kind in _apart(self._found(text, shadow)):
            pieces += [text[done:start], self._token(kind, text[start:end])]
            done = end
        return "".join([*pieces, text[done:]])

    def restore(self, text: str) -> str:
        """Return *text* with what its tokens stand for; it is hidden no more."""
        return _TOKEN.sub(lambda m: self._hidden.get(m[0], m[0]), text)

    def _found(self, text: str, shadow: str) -> Iterator[Found]:
        for kind, regex in (*self._own, *_PATTERNS):
            for match in regex.finditer(shadow):
                yield match.start(), match.end(), kind
        yield from self._names(text, shadow)

    def _names(self, text: str, shadow: str) -> Iterator[Found]:
        words = [each for m in _WORD.finditer(shadow) for each in _humps(text, m)]
        folds = [_letters(shadow[start:end]) for start, end in words]
        named = [self._is_named(fold) for fold in folds]
        for at, (start, end) in enumerate(words):
            if not named[at]:
                continue
            beside = _beside(text, words, named, at)
            if beside or self._is_no_word(folds[at], text[start:end]):
                yield start, end, "NAME"

    def _is_named(self, fold: str) -> bool:
        parts = self._name.parts
        if fold in parts or any(name in fold for name in self._name.inside):
            return True
        # "Anns cough", without the apostrophe.
        return fold.endswith("s") and len(fold) > _SHORTEST and fold[:-1] in parts

    @staticmethod
    def _is_no_word(fold: str, written: str) -> bool:
        if fold in _NEVER_ALONE:
            return False
        return fold not in _ORDINARY or not written.islower()

    def _token(self, kind: str, hidden: str) -> str:
        if hidden not in self._tokens:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            token = f"[{kind}-{self._counts[kind]}]"
            self._tokens[hidden] = token
            self._hidden[token] = hidden
        return self._tokens[hidden]


_TOKEN: Final = re.compile(r"\[[A-Z]{1,8}-[0-9]{1,9}\]")


def _shadow(text: str | None) -> str:
    """Return *text* without accents, case and width, each character in its place."""
    return "".join(map(_plain, text or ""))


def _plain(mark: str) -> str:
    digit = unicodedata.decimal(mark, None)
    plain = folded(mark) if digit is None else str(digit)
    return plain if len(plain) == 1 else mark


def _humps(text: str, word: re.Match[str]) -> Iterator[tuple[int, int]]:
    """Yield where the words begin and end that a capital parts: "MrsLee"."""
    starts = [word.start()]
    starts += (
        at
        for at in range(word.start() + 1, word.end())
        if text[at - 1].islower() and text[at].isupper()
    )
    yield from zip(starts, [*starts[1:], word.end()], strict=True)


def _letters(word: str) -> str:
    return _UNSEEN.sub("", folded(word)).translate(_BASE)


def _name_of(patient: Patient) -> _Name:
    first, last = _parts(patient.first_name), _parts(patient.last_name)
    spelt = (
        part
        for name in (patient.first_name, patient.last_name)
        for part in _parts(name.casefold().translate(_GERMAN))
    )
    joined = ["".join(first), "".join(last)]
    ends = [name for name in joined if len(name) >= _SHORTEST]
    parts = frozenset((*first, *last, *joined, *spelt)) - {""}
    # Scripts without capitals often have no spaces either, or join small words on.
    caseless = {part for part in parts if part.upper() == part.lower()}
    run_together = {a + b for a in ends for b in ends if a != b}
    return _Name(parts, frozenset(caseless | run_together))


def _parts(name: str) -> list[str]:
    return [_letters(match[0]) for match in _WORD.finditer(_shadow(name))]


def _beside(
    text: str, words: list[tuple[int, int]], named: list[bool], at: int
) -> bool:
    """Tell whether another part of the name stands next to it: "will, may"."""
    for one in (at - 1, at):
        if 0 <= one < len(words) - 1 and named[one] and named[one + 1]:
            between = text[words[one][1] : words[one + 1][0]]
            if not between.strip(" ,.-_'\u2019"):
                return True
    return False


def _email_pattern(email: str) -> re.Pattern[str]:
    """Return what finds an address, however it is written, and its first part alone."""
    local, _, domain = email.rpartition("@")
    at = r"\s{0,2}(?:@|[(\[]?\s?at\s?[)\]]?)\s{0,2}"
    dot = r"\s{0,2}(?:\.|[(\[]?\s?dot\s?[)\]]?)\s{0,2}"
    host = dot.join(map(re.escape, domain.split(".")))
    whole = rf"{re.escape(local)}{at}{host}"
    if len(local) < _SHORTEST_LOCAL or local in _ORDINARY:
        return re.compile(whole)
    return re.compile(rf"{whole}|(?<![a-z0-9]){re.escape(local)}(?![a-z0-9])")


def _phone_pattern(phone: str) -> re.Pattern[str] | None:
    digits = re.sub("[^0-9]", "", _shadow(phone))
    if len(digits) < 5:
        return None
    # A country's or an area's code before it may be written or not.
    kept = digits[-10:] if len(digits) > 10 else digits
    between = r"[^0-9a-z]{0,3}"
    lead = rf"(?:\+?[0-9]{{1,3}}{between})?" if len(kept) == 10 else r"\+?"
    tail = between.join(kept[-7:])
    head = between.join(kept[:-7])
    if head:
        head = rf"(?:\(?{head}{between})?"
    return re.compile(rf"(?<![0-9]){lead}{head}{tail}(?![0-9])")


def _birth_dates(born: date) -> re.Pattern[str]:
    name = _MONTHS[born.month - 1]
    year = rf"(?:{born.year:04}|'?{born.year % 100:02})"
    written = rf"(?:{name}|{name[:3]}t?\.?)"
    month = rf"(?:0?{born.month}|{written})"
    day = rf"(?:0?{born.day}(?:st|nd|rd|th)?|{_ordinal(born.day)})(?:\s{{1,3}}day)?"
    marks = r"\s{0,3}[-,./_|\\\u2013\u2014\u5e74\u6708]\s{0,3}"
    small = r"(?:\s{1,3}(?:of|the|in)){0,2}\s{1,3}"
    sep = rf"(?:{marks}|{small})(?:the\s{{1,3}})?"
    full, mm, dd = f"{born.year:04}", f"{born.month:02}", f"{born.day:02}"
    forms = (
        rf"{full}{sep}{month}{sep}{day}(?:t[0-9:.z]+)?",
        rf"{full}{sep}{day}{sep}{month}",
        rf"{month}{sep}{day}{sep}{year}",
        rf"{day}{sep}{month}{sep}{year}",
        rf"{written}{sep}{day}",
        rf"{day}{sep}{written}",
        rf"{day}{written}{year}",
        rf"{full}{mm}{dd}",
        rf"{mm}{dd}{full}",
        rf"{dd}{mm}{full}",
    )
    return re.compile(rf"(?<![0-9a-z])(?:{'|'.join(forms)})\u65e5?(?![0-9a-z])")


def _ordinal(day: int) -> str:
    """Return how a day of the month is said, as a pattern: "twenty[- ]first"."""
    if day < len(_ORDINALS):
        return _ORDINALS[day]
    tens, ones = divmod(day, 10)
    stem = {2: "twent", 3: "thirt"}[tens]
    return rf"{stem}y[- ]?{_ORDINALS[ones]}" if ones else f"{stem}ieth"


def _apart(found: Iterator[Found]) -> Iterator[Found]:
    """Yield what is found in order; what overlaps becomes one, of the first's kind."""
    pending: Found | None = None
    for start, end, kind in sorted(found, key=lambda each: (each[0], -each[1])):
        if pending is None:
            pending = (start, end, kind)
        elif start < pending[1]:
            pending = (pending[0], max(end, pending[1]), pending[2])
        else:
            yield pending
            pending = (start, end, kind)
    if pending is not None:
        yield pending
