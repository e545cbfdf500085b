"""Whole utterances that steer the conversation, and the small words around what is wanted."""

from __future__ import annotations

import re
from functools import cache
from re import IGNORECASE, Pattern

from shoplens.apps.interaction.moves import More, Move, Others, Reset, Undo
from shoplens.retrieval.lexical.chinese import Segmenter


def _ways(*patterns: str) -> Pattern[str]:
    return re.compile(f"(?:{'|'.join(patterns)})", IGNORECASE)


_RESET = _ways(
    r"(?:let'?s )?(?:start|begin|try) (?:all )?(?:over|again|afresh|anew|from scratch|fresh)(?: again)?",
    r"reset(?: everything| all| the search)?",
    r"(?:a )?new search",
    r"clear(?: it)?(?: all| everything| the search)?",
    r"forget (?:it|everything|all (?:of )?(?:that|this))",
    r"never ?mind",
    r"(?:i want )?something (?:completely|totally|entirely) (?:different|else|new)",
    r"(?:我们|咱们)?(?:重新|从头)(?:再)?(?:开始|来过?|来一次|找|搜索?)(?:吧)?",
    r"(?:重来|清空|清除|重置|重启)(?:全部|所有|一切|搜索|条件)?",
    r"换个?话题",
    r"(?:算了|不找了)(?:吧)?",
    r"全部清空",
)
_UNDO = _ways(
    r"undo(?: that| it| this| the last (?:one|step|change))?",
    r"(?:go |take me |step |one step )?back(?: again| one step| a step)?",
    r"go back to (?:what (?:i|we) had|the (?:previous|last|earlier)(?: ones?| results?| search| list)?)",
    r"(?:the )?previous(?: ones?| results?| page| search| list)?",
    r"revert(?: that)?",
    r"as (?:it was )?before",
    r"take that back",
    r"(?:撤销|撤回|撤消)(?:上一步|刚才的)?",
    r"(?:回到|返回|退回)?(?:上一步|上一页|上一个|上一次)(?:的)?(?:结果|搜索)?",
    r"(?:返回|回去|后退|退回去?|倒回去)(?:吧)?",
    r"(?:还是|回到|看)?(?:刚才|之前|前面)(?:的|那些|那个|那批)*(?:结果)?(?:吧|好|更好)?",
    r"取消上一步",
)
_OTHERS = _ways(
    r"(?:i )?(?:do not|don'?t) (?:like|want) (?:any of )?(?:these|those|them)(?: ones)?",
    r"none of (?:these|those|them)(?: please)?",
    r"not (?:these|those)(?: ones)?",
    r"something else",
    r"(?:show me )?(?:other|different) (?:ones|things|products|results|options)",
    r"(?:这些|那些|它们)?(?:我)?(?:都|全)(?:不要|不喜欢|不想要|不合适|不行|不满意)",
    r"(?:换|再换)(?:一)?(?:批|组|些|换)(?:别的)?(?:看看)?",
    r"不要这些",
    r"(?:看看|有)?(?:别的|其他的?|其它的?)(?:商品|产品|东西)",
    r"(?:这些|那些)(?:我)?都?不(?:要|喜欢|行)",
)
_MORE = _ways(
    r"(?:show |see |give |load |get )?(?:me )?(?:some |a few |any )?more"
    r"(?: (?:results|products|options|items|ones|of (?:them|these|those|the same)))?",
    r"(?:the )?next(?: page| ones?| results| few)?",
    r"(?:what|anything|any) else",
    r"any (?:more|others|other ones)",
    r"others",
    r"(?:are there|do you have|have you got|is there) (?:any |some )?(?:more|others|anything else)",
    r"keep (?:going|them coming)",
    r"continue",
    r"go on",
    r"还有(?:没有)?(?:别的|其他的?|其它的?|更多的?)?(?:了|吗)?",
    r"(?:看|显示|展示)?(?:更多|下一页|下一批|下一组)(?:的)?(?:结果|商品|产品)?",
    r"(?:再|多)(?:来|看|给我看|找|显示)(?:看)?(?:一些|几个|一点|点|些)(?:别的)?",
    r"继续(?:看)?",
    r"(?:其他|其它|别的)(?:的)?",
    r"接着(?:看|来)",
)
_COMMANDS: tuple[tuple[Move, Pattern[str]], ...] = (
    (Reset(), _RESET),
    (Undo(), _UNDO),
    (Others(), _OTHERS),
    (More(), _MORE),
)
_SEPARATOR = re.compile(
    r"^\s*(?:[,.;:!?，。；：！？、—-]+|$|\band\b|\bwith\b|(?=[\u3400-\u9fff]))\s*", IGNORECASE
)  # fmt: skip

_POLITE = "but|and|also|though|just|only|instead|please|pls|ok|okay|then|actually|rather|maybe|now|so|well|hmm+|yes"
_LEAD = _ways(
    rf"(?:{_POLITE}|hi|hello(?! kitty)|preferably|ideally)\b,?",
    r"no ?,",
    r"(?:i'?d (?:like|prefer)|i would (?:like|prefer)|i (?:want|need|prefer)|i'?m looking for|i am looking for)\b",
    r"(?:we need|let'?s (?:see|try)|try)\b",
    r"(?:(?:can|could) (?:you|i) (?:show|find|give|get|have|see)|show|give|find|get)\b(?: me)?",
    r"(?:search for|look for|looking for)\b",
    r"(?:do you have|have you got|is there|are there|got)\b",
    r"(?:what|how) about\b",
    r"(?:make|change|switch|turn) (?:it|them|that|this|these)(?: to| into)?\b",
    r"(?:it|they|that|this|the (?:colou?r|size|material|brand)) (?:should|must|needs? to|has to|have to) be\b",
    r"(?:change|switch) to\b",
    r"(?:(?:one|ones|some|something|anything|it|them|those|these|this|that|available) )?"
    r"in\b(?!-| (?:stock|store|ear)\b)",
    r"(?:one(?! (?:piece|size|shoulder|pack|way))|ones|some|something|anything|any|it|them|a|an|the)\b(?!-)",
    r"(?:但是?|不过|只是|而且|并且|还要|也要|就要|只要|我要|我想要|我想买|我想|想要|想买|换成|改成|改为|换为|变成)",
    r"(?:麻烦|给我|帮我|找一?下|看看|看下|有没有|最好是?|必须是?|应该是?|得是|能不能|可不可以|可以|那么|如果是|颜色要|好的)",
    r"[,.;:!?，。；：！？、\-]+(?!\w)",
    r"是",
)
_TRAIL = _ways(
    r"\b(?:please|pls|instead|(?<!xbox )(?<!force )ones?|then|though|for me|thanks|thank you|if possible|available)",
    r"\b(?:would be (?:nice|good|better)|will do|are there|do you have)",
    r"(?:的话|就行|就好|就可以|可以吗|好吗|行吗|有吗|有没有|怎么样|谢谢|也行|也可以)",
    r"[,.;:!?，。；：！？、\-]+",
)
#: Chinese words of one letter around a wish. They also begin and end others: 有机, 换季, 酒吧, 毛呢.
_ZH_LEAD, _ZH_TRAIL = frozenset("要换请找有那来再的"), frozenset("的吗呢吧啊呀嘛了有")
_STOCK = frozenset({"有货", "有现货", "有库存"})
_BEGIN = re.compile(rf"^\s*{_LEAD.pattern}\s*", IGNORECASE)
_END = re.compile(rf"(?<!\s)\s*{_TRAIL.pattern}\s*$", IGNORECASE)
_FEATURE = re.compile(
    r"^\s*(?:with|without|for|having|made of|made from|that (?:is|are|has|have)|带有?|不带|适合|用于)", IGNORECASE
)


def command_in(text: str) -> tuple[Move | None, str]:
    """A command that an utterance is, or begins with ("start over: red shoes"), and the text after it."""
    said, whole = trimmed(text), text.rstrip(" .,;:!?。，；：！？、")
    for move, pattern in _COMMANDS:
        if pattern.fullmatch(whole) or pattern.fullmatch(said):
            return move, ""
    match = _RESET.match(whole)
    if match is not None:
        after = _SEPARATOR.match(whole[match.end() :])
        if after is not None:
            return Reset(), whole[match.end() + after.end() :]
    return None, text


def trimmed(text: str) -> str:
    """Without the words around what is wanted: "make it …", "有没有…吗"."""
    text = " ".join(text.split())
    while True:
        shorter = _END.sub("", _BEGIN.sub("", text, count=1), count=1)
        if not shorter.isascii():
            shorter = _without_particles(shorter)
        if shorter == text:
            return text.strip()
        text = shorter


def _without_particles(text: str) -> str:
    """Without Chinese words of one letter at both ends."""
    words = [word for word, _, _ in _segmenter().words(text)]
    while words and (words[0] in _ZH_LEAD or words[0].isspace()) and "".join(words[:2]) not in _STOCK:
        del words[0]
    while words and (words[-1] in _ZH_TRAIL or words[-1].isspace()):
        del words[-1]
    return "".join(words)


@cache
def _segmenter() -> Segmenter:
    return Segmenter()


def names_feature(text: str) -> bool:
    """Whether trimmed words say what a thing has or is for ("with a hood") rather than what it is."""
    return _FEATURE.match(text) is not None
