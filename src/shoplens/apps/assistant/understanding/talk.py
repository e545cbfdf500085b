"""What is said beside questions: greetings and thanks, yes to an offer, and leaving the queue; English and Chinese."""

from __future__ import annotations

import re

from shoplens.apps.assistant.turns import Act

_I = re.IGNORECASE
SHORT = 40  # characters of a message that is nothing but a greeting, thanks or goodbye

_TALK: tuple[tuple[Act, re.Pattern[str]], ...] = (
    (
        Act.GREETING,
        re.compile(
            r"^\W*(?:(?:hi|hello|hey|hallo|hola|bonjour|yo|good (?:morning|afternoon|evening|day)|greetings|你好|您好|"
            r"嗨|哈喽|在吗|早上好|下午好|晚上好|有人吗|有人在吗|亲|客服)(?: there| all| team| everyone|啊|呀)?\W*)+"
            r"(?:how are you(?: doing)?(?: today)?|how is it going|what'?s up|你好吗|最近好吗)?\W*$",
            _I,
        ),
    ),
    (
        Act.THANKS,
        re.compile(
            r"^\W*(?:(?:ok|okay|great|perfect|good|cool|nice|awesome|lovely|"
            r"wonderful)\W+)?(?:many )?(?:thanks?(?: you)?|"
            r"thx|ty|cheers|much appreciated|谢谢|多谢|感谢|好的,?谢谢|谢了)(?: (?:a lot|so much|"
            r"very much|for (?:your|the) help)|您|你|啦|了)*\W*$",
            _I,
        ),
    ),
    (
        Act.GOODBYE,
        re.compile(
            r"^\W*(?:(?:no|ok|okay|great|thanks?(?: you)?|谢谢|好的)\W+)*(?:bye|goodbye|bye bye|see you|that'?s all|"
            r"that is all|that'?s it|nothing else|再见|拜拜|没事了|没有了|就这些)\W*$",
            _I,
        ),
    ),
    (
        Act.INSULT,  # and nothing else: an insult within a question is the tone of that question
        re.compile(
            r"^(?=.*(?:stupid|dumb|useless|idiot|moron|asshole|bastard|fuck|screw|go to hell|shut up|piss|suck|"
            r"wtf|crap|"
            r"bullshit|傻|蠢|笨|白痴|智障|垃圾|废物|有病|滚|去死|闭嘴|妈的|骗子))"
            r"\W*(?:(?:you(?:'re| are)?|this is|what an?|such an?|just|so|a|an|the|are|is|bloody|fucking|damn|"
            r"stupid|dumb|"
            r"useless|bot|idiots?|morons?|assholes?|bastards?|fuck(?: you| off)?|screw you|go to hell|shut up|"
            r"piss off|"
            r"you suck|wtf|crap|bullshit|"
            r"你|你们|真|太|这|是|个|就|都|什么|破|机器人|客服|的|了|吗|啊|"
            r"傻[子逼Xx]?|蠢(?:货|猪)?|笨蛋?|白痴|智障|垃圾|废物|有病|"
            r"滚(?:开|蛋|远点)?|去死|闭嘴|妈的|他妈的?|骗子)\W*)++$",
            _I,
        ),
    ),
    (
        Act.NOTED,
        re.compile(
            # Longest first, and nothing is tried again: a long row of such words must not take long.
            r"^\W*(?:(?>yes please|no thank you|no thanks|never ?mind|all right|alright|understood|perfect|got it|"
            r"i see|okay|ok|great|right|good|cool|nice|fine|sure|well|nope|yeah|yep|yes|hmm|no|k|不用了|不需要|知道了|"
            r"明白了|没有|不用|不要|不是|明白|了解|可以|好的|好吧|算了|是的|好|嗯|哦|行|是|对)\W*+)++$",
            _I,
        ),
    ),
    (
        Act.ABOUT,
        re.compile(
            r"^\W*(?:(?:hi|hello|hey|please|你好|您好|请问)\W+)?(?:help(?: me)?(?: please)?|"
            r"i need (?:some )?help|(?:can|could) you help(?: me)?|what can you do(?: for me)?|"
            r"what do you do|who are you|what are you|"
            r"(?:are|r) (?:you|u) (?:an? )?(?:real )?(?:bot|robot|chatbot|ai|human|person|machine|real)|"
            r"am i (?:talking|speaking|chatting) (?:to|with) an? (?:\w+ )?(?:bot|robot|human|person|machine|ai)|"
            r"你(?:能|可以|会)(?:帮我)?(?:做|干)?(?:些|点)?(?:什么|啥|"
            r"帮我)(?:忙)?吗?|你会什么|你有什么功能|帮帮我|你是谁|你叫什么|"
            r"你是(?:真人|人工|机器人|人|AI|人工智能)(?:还是.{1,6})?吗?)\W*$",
            _I,
        ),
    ),
)
#: What a customer says to "shall I ask a colleague to take over?".
_ACCEPTS = re.compile(
    r"^\W*(?:(?>that would be (?:good|great|nice)|of course|go ahead|thank you|thanks|i would|please|okay|yeah|sure|"
    r"yep|yes|i do|ok|do|好的|好啊|需要|可以|是的|麻烦|谢谢|好|要|行|是|对|嗯|请|转|了|吧|的)\W*+)++$",
    _I,
)

_THANKS = re.compile(r"^\W*(?:thank you|thanks|谢谢)\W*$", _I)  # alone, it is no word of assent

#: Said while a person is waited for.
_LEAVES = re.compile(
    r"^\W*(?:please )?(?:cancel|never ?mind|leave(?: the queue)?|stop waiting|forget it)(?: please)?\W*$|"
    r"\b(?:back to|go on with|continue with|talk to|ask) the (?:ai |shop'?s )?(?:bot|assistant|"
    r"chatbot)\b(?! manager)|"
    r"\b(?:don'?t|do not|no longer|not) (?:need|want|wait for) (?:an? |the )?(?:human|person|agent|colleague)\b|"
    r"\b(?:leave|cancel|quit|exit) the (?:queue|hand-?over|waiting)\b|"
    r"^\W*(?:取消|算了|不等了)[吧了]?\W*$|(?:取消|不用|不要|不需要|退出|"
    r"不等)(?:转)?(?:人工|真人|客服|排队)(?:客服|服务|了|吧)*(?=\W|$)|"
    r"(?:回到|继续用|还是用|转回)(?:智能|AI)?(?:助手|机器人)",
    _I,
)

LEAVING = 80  # characters of a message that leaves the queue: a longer one says something else, too
#: Before such words, they ask for the opposite, or only about them.
_NOT = re.compile(r"\b(?:don'?t|do not|never|not|why|how|if)\b|不要|别|不想|不能|为什么|怎么|如果|如何", _I)


def talk_of(text: str) -> Act | None:
    """What a message is that is nothing but talk; None: there is more in it."""
    if len(text) > SHORT:
        return None
    return next((act for act, pattern in _TALK if pattern.match(text)), None)


def leaves(text: str) -> bool:
    """Whether somebody who waits for a person would rather go on with the assistant."""
    said = text.replace("’", "'")
    found = _LEAVES.search(said)
    return found is not None and len(said) <= LEAVING and _NOT.search(said, 0, found.start()) is None


def accepts(text: str) -> bool:
    """Whether a message takes an offer, and says nothing else."""
    return len(text) <= SHORT and _ACCEPTS.match(text) is not None and _THANKS.match(text) is None
