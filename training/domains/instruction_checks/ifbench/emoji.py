"""Which characters are emoji, by Unicode's emoji-data.txt (UTS #51) in ranges, without a package.

Departures: blocks that hold almost nothing else are taken whole, so that a symbol beside the emoji in them is one too.
Flags, keycaps, skin tones, variation selectors and joined sequences are read as what they show; officially (the emoji
package, one character at a time) an answer that ends in a flag or a keycap ends in no emoji.
"""

from __future__ import annotations

import re

_SYMBOLS = "©®‼⁉™ℹ↔-↙↩↪⌚⌛⌨⏏⏩-⏳⏸-⏺Ⓜ▪▫▶◀◻-◾⤴⤵⬅-⬇⬛⬜⭐⭕〰〽㊗㊙"
_ZODIAC = "☀-☄☎☑☔☕☘☝☠☢☣☦☪☮☯☸-☺♀♂♈-♓♟♠♣♥♦♨♻♾♿"
_DINGBATS = "⚒-⚗⚙⚛⚜⚠⚡⚧⚪⚫⚰⚱⚽⚾⛄⛅⛈⛎⛏⛑⛓⛔⛩⛪⛰-⛵⛷-⛺⛽✂✅✈-✍✏✒✔✖✝✡✨✳✴❄❇❌❎❓-❕❗❣❤➕-➗➡➰➿"
_PICTURES = "\U0001f004\U0001f0cf\U0001f170-\U0001f19a\U0001f1e6-\U0001f251\U0001f300-\U0001f6ff\U0001f7e0-\U0001faff"
_MODIFIERS = "\ufe0f\u20e3\u200d\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f"
EMOJI = rf"(?:[{_SYMBOLS}{_ZODIAC}{_DINGBATS}{_PICTURES}]|[0-9#*]\ufe0f?\u20e3)[{_MODIFIERS}]*"
"""A pattern: one emoji, with what modifies it."""
_AT_END = re.compile(rf"{EMOJI}\Z")
_LONGEST = 16


def ends_with_emoji(text: str) -> bool:
    """Is the last character shown an emoji?"""
    return _AT_END.search(text[-_LONGEST:]) is not None
