"""How a message sounds."""

from __future__ import annotations

import re

from shoplens.apps.assistant.turns import Tone

_UPSET = re.compile(
    r"\b(?:angry|furious|unacceptable|ridiculous|terrible|horrible|awful|worst|disgust\w*|"
    r"scam\w*|fraud\w*|liars?|useless|"
    r"pathetic|fed up|sick of|disappoint\w*|outrage\w*|joke of|garbage|rubbish|incompetent|never again|waste of|damn|"
    r"bullshit|wtf|fuck\w*|shit\w*|crap|idiots?|stupid|hate)\b|[!！]{2,}|[?？]{3,}|"
    r"生气|愤怒|气死|太差|垃圾|骗子|骗人|欺诈|无语|失望|差评|投诉|太过分|受够|恶心|"
    r"坑人|什么破|烂透|滚(?![筒轮动珠烫球圆])|他妈|(?<!妈)妈的|傻|蠢|忍无可忍|再也不",
    re.IGNORECASE,
)
_URGENT = re.compile(
    r"\b(?:urgent\w*|asap|immediately|right now|right away|as soon as possible|emergency|hurry|today|at once)\b|"
    r"急|马上|立刻|立即|尽快|赶紧|赶快",
    re.IGNORECASE,
)
_POLITE = re.compile(
    r"\b(?:please|pls|thank\w*|could you|would you|kindly|appreciate\w*|grateful)\b|"
    r"请|谢谢|麻烦|劳驾|您",
    re.IGNORECASE,
)


def tone_of(text: str) -> Tone:
    """The strongest thing that can be heard."""
    shouted = sum(letter.isupper() for letter in text) > 0.7 * sum(letter.isalpha() for letter in text) > 10.5
    if _UPSET.search(text) or (shouted and text.isascii()):
        return Tone.UPSET
    if _URGENT.search(text):
        return Tone.URGENT
    return Tone.POLITE if _POLITE.search(text) else Tone.NEUTRAL
