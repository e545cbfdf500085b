"""Words that turn what a policy says: all and only, before and after, used and unused. Each has a meaning by which
English and Chinese and two words for the same thing are compared."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

#: Meaning → words. Longer meanings come before those whose words they contain ("unused" before "used").
_MEANINGS: Mapping[str, str] = {
    "unused": (
        r"\b(?:unused|unworn|unwashed|not (?:been )?(?:used|worn))\b|未(?:经|被)?(?:使用|穿|洗)|"
        r"没有?(?:使用|用|穿|洗)过?|全新"
    ),
    "used": (
        r"\b(?:used(?! to\b| for\b)|worn|second[- ]hand|pre-owned)\b|(?:使用|用|穿|洗)过|已(?:经)?使用|"
        r"二手|用后"
    ),
    "unopened": r"\b(?:unopened|sealed|not (?:been )?opened)\b|未(?:开封|拆封?)|没有?(?:开封|拆封?)",
    "opened": r"\b(?:opened|unsealed)\b|(?:已|已经)?(?:开封|拆封)",
    "most": (
        r"\b(?:at (?:the )?(?:most|latest)|up to|no (?:more|later|longer) than|not (?:more|later) than|"
        r"less than|fewer than|maximum|under|below|within|inside)\b|最多|最晚|最迟|至多|以下|"
        r"[以之]?内(?![衣部容胆存置页])|不超过|不到|低于|少于|未满|不满"
    ),
    "least": (
        r"\b(?:at (?:the )?(?:least|earliest)|no (?:less|earlier) than|more than|over|above|minimum|"
        r"exceed\w*|from(?= \W?\d)|longer than)\b|至少|最少|最低|以上|超过|不少于|不低于|高于|多于|"
        r"满(?=\W?[\d零一二两三四五六七八九十百千])"
    ),
    "all": (
        r"\b(?:all|every|each|any|everything|anything|everyone|anyone|everybody|anybody|everywhere|"
        r"anywhere|whatever|whichever|entire(?:ly)?|whole)\b|所有|全部|任何|任意|一切|每[个件位次]|全场|"
        r"全店|都(?!市)|均"
    ),
    "always": (
        r"\b(?:always|anytime|at any time|ever|forever|constantly|permanent(?:ly)?)\b|总是|始终|永远|永久|"
        r"一直|随时|任何时候"
    ),
    "never": r"\bnever\b|从不|永不|绝不|决不",
    "only": r"\b(?:only|solely|exclusively|merely|just)\b|只(?![要是])|仅|唯一|唯有|限于",
    "except": (
        r"\b(?:except\w*|excluding|excluded|exclude[sd]?|unless|apart from|other than)\b|除外|除非|"
        r"除(?!了?湿)|例外|不包括"
    ),
    "even": (
        r"\b(?:even|includ\w+|incl|regardless|irrespective|no matter|whether or not)\b|甚至|即使|即便|"
        r"包括|包含|含(?!量)|无论|不论|不管|不限"
    ),
    "until": r"\b(?:until|till)\b|直到|截至|截止|为止",
    "before": (
        r"\b(?:before|prior|ahead|in advance|beforehand|earlier)\b|[以之]前|提前|事先|"
        r"(?<![目提当以之此])前(?!往|台|面|提|后|门)"
    ),
    "after": (
        r"\b(?:after\w*|later|following|since|once)\b|[以之]后|随后|(?<![售然最今以之前])后(?!台|面|续|果|"
        r"门)"
    ),
    "without": r"\b(?:without|no longer)\b|无需|无须|不需要?|不用|不必|毋需",
    "free": (
        r"(?<!feel )\b(?:free(?!ly)|gratis|complimentary|(?:no|without|zero) (?:extra |"
        r"additional )?(?:charge|cost|fee)s?)\b|免费|免运费|免邮|包邮|免(?:收|去)?手续费|"
        r"不收(?:取)?(?:任何)?(?:手续)?费|赠送"
    ),
    "must": (
        r"\b(?:must|ha(?:ve|s) to|required?|requires|mandatory|obliged|obligatory|needs? to)\b|必须|务必|"
        r"须|强制|一定要"
    ),
    "full": r"\b(?:full|fully|complete(?:ly)?|total(?:ly)?)\b|全额|全款|完全|完整",
    "part": r"\b(?:partial(?:ly)?|partly|some|most|many|several|few)\b|部分|大部分|多数|有些|某些",
    "sold out": r"\b(?:out of stock|sold out|unavailable|not (?:in stock|available))\b|缺货|售罄|无货|没有?货|卖完",
    "in stock": r"\bin stock\b|有货|现货|有库存",
    "at once": (
        r"\b(?:immediate(?:ly)?|instant(?:ly)?|at once|right away|automatic(?:ally)?|same[- ]day|"
        r"next[- ]day)\b|立即|马上|立刻|当场|自动|当天|当日|次日|隔天"
    ),
    "guarantee": r"\b(?:guarante\w+|promis\w+|ensur\w+)\b|保证|承诺|确保|包退|包换",
    "not": (
        r"\b(?:not|no|none|nothing|neither|nor|cannot|non)\b|n['’]t\b|不(?!过|仅|但|同)|没有?|无(?!线|"
        r"人机|纺)|勿|禁止|未"
    ),
}
_ANY = re.compile("|".join(f"(?P<m{place}>{words})" for place, words in enumerate(_MEANINGS.values())), re.IGNORECASE)
_NAMES = tuple(_MEANINGS)


@lru_cache(maxsize=20_000)
def turning_of(text: str) -> tuple[frozenset[str], str]:
    """The meanings of a text's turning words, and the text without these words."""
    found = frozenset(_NAMES[int(one.lastgroup[1:])] for one in _ANY.finditer(text) if one.lastgroup)
    return found, _ANY.sub(" ", text)
