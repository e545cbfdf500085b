"""Words that make a question of something, and say nothing of what it is about.

Of Chinese only. English headings are questions themselves ("How long you can return something"), and its words that
ask are too frequent to count for much; 多久 stands in few headings, which then look like the answer to whatever is so
asked.
"""

from __future__ import annotations

import re

_ASKING = re.compile(  # 是, 要, 能 only where they belong to such a word: they are parts of others (要求, 能源)
    "请问|[是要能会在有]?(?:多长时间|多久|多少钱|多少|几天|什么时候|什么|怎么办|怎么样|怎么|如何|哪里|哪儿|哪些|哪个|为什么)|"
    "是不是|有没有|能不能|可不可以|可以|能否|是否|你们|我们|[我你您吗呢呀]"
)


def asked_about(text: str) -> str:
    """What is left of a question without them: "退货期限是多久？" → "退货期限"; all of it when nothing would be."""
    left = " ".join(_ASKING.sub(" ", text).split())
    return left if any(letter.isalnum() for letter in left) else text
