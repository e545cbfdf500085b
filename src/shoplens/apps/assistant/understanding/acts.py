"""What a message wants done, as far as a tool can do it; read from its words, English and Chinese."""

from __future__ import annotations

import re

from shoplens.apps.assistant.turns import Act

_I = re.IGNORECASE
SHORT = 40  # characters of a message that is nothing but a greeting, thanks or goodbye

_TALK: tuple[tuple[Act, re.Pattern[str]], ...] = (
    (
        Act.GREETING,
        re.compile(
            r"^\W*(?:hi|hello|hey|good (?:morning|afternoon|evening|day)|greetings|你好|您好|"
            r"嗨|哈喽|在吗|早上好|下午好|晚上好|有人吗)(?: there| all)?\W*$",
            _I,
        ),
    ),
    (
        Act.THANKS,
        re.compile(
            r"^\W*(?:(?:ok|okay|great|perfect|good|cool)\W+)?(?:many )?(?:thanks?(?: you)?|"
            r"thx|ty|cheers|much appreciated|谢谢|多谢|感谢|好的,?谢谢|谢了)(?: (?:a lot|so much|"
            r"very much|for (?:your|the) help)|您|你|啦|了)*\W*$",
            _I,
        ),
    ),
    (
        Act.GOODBYE,
        re.compile(
            r"^\W*(?:bye|goodbye|bye bye|see you|that'?s all|that is all|再见|拜拜|没事了|没有了|"
            r"就这些)\W*$",
            _I,
        ),
    ),
)

_HUMAN = re.compile(
    r"\b(?:speak|talk|chat|connect|transfer|put|get|hand|reach|contact|need|want|give|"
    r"call)\b.{0,30}\b(?:human|real person|live person|"
    r"a person|someone|somebody|(?:live |human |service |support |customer )*agents?|"
    r"representative|operator|manager|supervisor|"
    r"your boss|staff|employee)\b|^\W*(?:(?:a|an|the|real|live|human) )*(?:human|person|agent|operator|"
    r"representative|colleague)\W*(?:please)?\W*$|"
    r"人工|真人|转人工|客服人员|(?:找|要|接|转)(?:个|一个)?(?:人|客服|经理|主管)",
    _I,
)
_ORDERS = re.compile(
    r"\b(?:where(?:'s| is| are)|track\w*|status of|find|locate|when (?:will|does|is|"
    r"do)|has|did)\b.{0,40}\b(?:my|the) (?:\w+ )?"
    r"(?:orders?|parcels?|packages?|deliver\w+|shipments?|purchases?)\b|"
    r"\b(?:my|show|list|see|view|check) (?:my |me )?(?:last |latest |recent |previous |"
    r"past |order |purchase )*(?:orders?|purchases?|order history)\b|"
    r"\bwhat (?:did|have) i (?:\w+ )?(?:buy|bought|order|ordered)|\b(?:order|purchase|parcel) (?:status|#?\d)|"
    r"(?:我的|我)?(?:订单|包裹|快递|货)(?:在哪|到哪|到了|状态|什么时候|怎么还|何时|"
    r"发货|查)|(?:查|看|查询|查看|跟踪|追踪)(?:一下)?(?:我的)?(?:订单|包裹|快递|物流)|"
    r"我(?:都)?(?:买过|买了|订过|下过)(?:什么|哪些)|我的订单",
    _I,
)
#: Product questions; group 1, where there is one, is what is asked about.
_PRODUCT: tuple[tuple[Act, re.Pattern[str]], ...] = (
    (
        Act.COMPATIBLE,
        re.compile(
            r"\b(?:compatible with|(?:fit|work|go)s? (?:with|on|in|for)|suitable for|usable with)\b|"
            r"兼容|适配|适用于|能(?:用在|配|装)|可以(?:用在|配|装)|适合",
            _I,
        ),
    ),
    (
        Act.PRICE,
        re.compile(
            r"\b(?:how much|price of|prices? for|cost of|what does .{1,60} cost|what do .{1,60} cost|"
            r"how expensive|what is the price|what's the price|price)\b|多少钱|价格|价钱|怎么卖|"
            r"几块|售价|贵不贵|什么价",
            _I,
        ),
    ),
    (
        Act.STOCK,
        re.compile(
            r"\b(?:in stock|out of stock|sold out|available|availability|how many .{1,60} (?:left|"
            r"in stock|do you have)|back in stock|still have)\b|有货|现货|库存|缺货|卖完|还有(?:没有|"
            r"吗)?|补货",
            _I,
        ),
    ),
    (
        Act.ATTRIBUTE,
        re.compile(
            r"\b(?:what|which) (?:size|sizes|colou?rs?|material|brand|weight|flavou?rs?|ingredients?|"
            r"dimensions?|capacity|power|width|height|length)\b|\bwhat is .{1,60} made (?:of|"
            r"from)|\b(?:who makes|tell me (?:more )?about|details? (?:of|on|about)|describe|"
            r"features? of|ingredients? (?:of|in))\b|什么(?:颜色|材质|牌子|品牌|尺码|尺寸|大小|"
            r"口味|成分|材料)|多大|多重|介绍一下|详情|详细信息|成分",
            _I,
        ),
    ),
)
_RECOMMEND = re.compile(
    r"\b(?:recommend\w*|suggest\w*|what should i (?:buy|get|order|try)|gift ideas?|"
    r"anything (?:new|good|nice)|surprise me|for me\?)\b|"
    r"推荐|有什么好|送什么|买什么好|给我看看(?:新|好)",
    _I,
)
_FIND = re.compile(
    r"\b(?:do you (?:have|sell|carry|stock)|have you got|looking for|look for|searching for|"
    r"show me|find me|i need an?|i want (?:a|an|to buy|some)|"
    r"i'd like (?:a|an|to buy|some)|are there any|got any|where can i find|like this|"
    r"same as this|similar|in (?:red|blue|black|white|green|"
    r"yellow|pink|grey|gray|brown|another colou?r|size \w+))\b|"
    r"有没有|有卖|卖不卖|你们(?:有|卖)|想(?:买|要)|找一?(?:个|下|款|件|双)|我要买|给我找|"
    r"类似|同款|这个有(?:红|蓝|黑|白|绿|黄|粉|灰)",
    _I,
)
#: Words that make a "price" or "find" question one about the service instead.
_SERVICE = re.compile(
    r"\b(?:shipping|delivery|deliver\w*|postage|return\w*|refund\w*|cancel\w*|fees?|"
    r"penalt\w+|account|password|invoice|bill|payment|pay|"
    r"warrant\w+|guarantee\w*|newsletter|subscri\w+|address|express|customs|tax(?:es)?|"
    r"complain\w*|policy|policies|hours|contact|help|"
    r"assistance|support|agent|person|information|how to)\b|"
    r"运费|邮费|配送|送货|发货|退货|退款|退换|取消|手续费|账[号户]|密码|发票|付款|支付|"
    r"保修|质保|售后|地址|税|投诉|政策|客服|营业时间|联系",
    _I,
)


#: What service words make a question comes before products: "how much is the delivery" asks no price of a product.
_IN_ORDER: tuple[tuple[Act, re.Pattern[str]], ...] = (
    (Act.HUMAN, _HUMAN),
    (Act.ORDERS, _ORDERS),
    (Act.QUESTION, _SERVICE),
    *_PRODUCT,
    (Act.RECOMMEND, _RECOMMEND),
    (Act.FIND, _FIND),
)


def act_of(text: str) -> Act:
    """The first that fits; QUESTION where none does."""
    if len(text) <= SHORT:
        for act, pattern in _TALK:
            if pattern.match(text):
                return act
    return next((act for act, pattern in _IN_ORDER if pattern.search(text)), Act.QUESTION)
