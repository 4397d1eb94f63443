"""language:response_language of IFEval: which language an answer is in, or that it cannot be told.

langdetect samples; officially it is not seeded, so that verdicts change between runs, and text it knows nothing about
passes. Departures: it is seeded (`DetectorFactory.seed`), and the language "could not be told", which is not a pass,
when there is too little to go by or it is not sure. langdetect is sure of itself on any two letters ("hi" is Swahili;
where it named a language for the first 15 characters of English answers, three in ten were wrong), so its own
confidence is not enough: the letters must take at least `MIN_BYTES` bytes in UTF-8, which asks for fewer of them where
each says more, as in Thai or Chinese.
"""

from __future__ import annotations

MIN_BYTES = 20
"""UTF-8 bytes of letters below which the language is not told."""
MIN_PROBABILITY = 0.8
"""Of the most probable language; below it the language is not told."""
UNKNOWN = "the language could not be told"
_MAX_CHARACTERS = 10_000  # langdetect reads no further


def identify(text: str) -> str | None:
    """ISO code of the language of a text (one of `arguments.LANGUAGES`), None when it cannot be told."""
    from langdetect import DetectorFactory, detect_langs
    from langdetect.lang_detect_exception import LangDetectException

    letters = "".join(filter(str.isalpha, text[:_MAX_CHARACTERS]))
    if len(letters.encode("utf-8", "surrogatepass")) < MIN_BYTES:
        return None
    DetectorFactory.seed = 0
    try:
        best = detect_langs(text[:_MAX_CHARACTERS])[0]
    except LangDetectException:
        return None
    return best.lang if best.prob >= MIN_PROBABILITY else None


def response_language(text: str, language: str) -> str:
    """The answer is in a language, given by its ISO code (IFEval language:response_language). Why not, or ""."""
    found = identify(text)
    return "" if found == language else UNKNOWN if found is None else f"the language is {found}, not {language}"
