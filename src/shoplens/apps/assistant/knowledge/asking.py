"""Words that make a question of something, and say nothing of what it is about.

In few passages such words are rare, and a heading that is a question itself ("Who pays for the return?") then looks
like the answer to whatever is so asked ("who won the election").
"""

from __future__ import annotations

import re

_ASKING = re.compile(  # 是, 要, 能 only where they belong to such a word: they are parts of others (要求, 能源)
    "请问|[是要能会在有]?(?:多长时间|多久|多少钱|多少|几天|什么时候|什么|怎么办|怎么样|怎么|如何|哪里|哪儿|哪些|哪个|为什么)|"
    "是不是|有没有|能不能|可不可以|可以|能否|是否|你们|我们|到哪|还没|(?<=[\u3400-\u9fff])点(?=[吗吧呀]|$)|[我你您吗呢呀]|(?<!目)的(?!确)|了(?!解)"
)
_ASKING_EN = re.compile(
    r"\b(?:i|i'?d|i'?m|you|your|yours|it|its|me|my|we|us|our|he|she|him|her|they|them|their|the|a|an|this|that|these|those|"
    r"one|ones|other|another|and|or|but|so|do|does|did|is|are|was|were|be|been|am|will|would|can|could|shall|should|may|"
    r"might|have|has|had|of|on|in|at|to|for|with|from|by|about|there|here|what|what's|which|who|whom|whose|when|where|why|"
    r"how|please|get|got|give|know|tell|want|need|like)\b",
    re.IGNORECASE,
)


def asked_about(text: str) -> str:
    """What is left of a question without them: "退货期限是多久？" → "退货期限"; "" where nothing is: it asks about
    something that was spoken of before."""
    left = " ".join(_ASKING_EN.sub(" ", _ASKING.sub(" ", text)).split())
    return left if any(letter.isalnum() for letter in left) else ""
