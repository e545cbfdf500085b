"""What a message wants done, as far as a tool can do it; read from its words, English and Chinese."""

from __future__ import annotations

import re

from shoplens.apps.assistant.turns import Act
from shoplens.apps.assistant.understanding.talk import talk_of

_I = re.IGNORECASE

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
#: Somebody wants to be heard, whatever about.
_COMPLAINT = re.compile(
    r"^\W*(?:(?:i|we)(?:'d| would)? (?:want|wish|like|need|have) (?:to )?)?(?:make |file |lodge |submit |"
    r"raise )?(?:an? )?"
    r"(?:formal |serious )?complain(?:t|ts)?(?: (?:about|against|regarding) .{1,60})?(?: please)?\W*$|"
    r"^\W*(?:我|我们)?(?:要|想|需要)?(?:投诉|举报)(?!.{0,8}(?:怎么|流程|电话|渠道|哪)).{0,12}$",
    _I,
)
#: Something bought does not do what it should.
_TROUBLE = re.compile(
    r"\b(?:broken|broke|damaged|defective|faulty|shattered|in pieces|"
    # Jeans are sold ripped and tape stops leaks: such words are trouble where something came or became so.
    r"(?:(?<=\w )(?:is|are|was|were)|it'?s|arrived|came|got|my (?:\w+ ){0,2}\w+) (?:\w+ly |all |already |"
    r"badly )?(?:ripped|torn|cracked)|(?:ripped|cracked) (?:after|when|open|apart)|(?:is|are|keeps?|started) leaking|"
    r"(?:it|this|that|(?:my|the)(?: \w+){1,2}) (?<!for )(?<!against )(?<!of )leaks|"
    r"(?:do|does|did|is|are)n't (?:\w+ )?(?:work\w*|charg\w+|turn\w*|start\w*|connect\w*|switch\w*)|not working|"
    r"stopp?(?:s|ed) working|wrong (?:item|product|size|colou?r|one|order)|(?:is|are|was|were) missing|"
    r"missing (?:item|part)s?|charged (?:me )?twice|double charged?|overcharged|crash(?:es|ed|ing)|"
    r"(?:site|website|app|page|shop) is down|can(?:'t|not| not) (?:log|sign) in)\b|"
    r"坏了|(?<![耐防粉切绞会易怕不])(?<![会易怕不防耐]摔)碎(?![花纸石肉冰布钻])|破损|破了|裂了|开裂|(?<![会不防])漏水|漏了|[用充开连打]不[了上开]|质量问题|有瑕疵|重复扣款|"
    r"多扣了|被扣了?钱|扣了两次|发错|少发|漏发|少了|不工作|没反应",
    _I,
)
#: What the assistant cannot do for anybody: it changes nothing.
_ORDER_IT = re.compile(
    # How to order, and why it failed, are questions that documents answer.
    r"^(?!.*(?:\b(?:how|where|why|when|whether|if|can'?t|cannot|couldn'?t|unable|(?:can|could|may|must|should|do|did|"
    r"am) i)\b.{0,40}\b(?:add|put|plac|mak|order|buy|book|reserve)|"
    r"(?:怎么|如何|怎样|为什么|哪里|无法|不能|没法|没办法|(?:能不能|可不可以|可以|能)(?!.{0,4}[帮给]我)).{0,10}(?:下单|付款|购物车)|"
    r"(?:购物车|下单|付款).{0,6}(?:失败|不了|怎么|报错|出错|没反应)))"
    r".*?(?:\b(?:add|put) .{1,40} (?:to|in|into) (?:my |the )?(?:cart|basket|bag)\b|\b(?:place|make) (?:an?|the|"
    r"my) order\b|"
    r"\b(?:order|buy|book|reserve) (?:it|this|that|one|two|them|these) (?:for me|please|now)\b|"
    r"加(?:入|到)购物车|帮我(?:下单|买一?[个件双条]|订一?[个件双条]|付款)|直接下单|给我下单)",
    _I | re.DOTALL,
)
_ORDERS = re.compile(
    r"\b(?:where(?:'s| is| are)|track\w*|status of|find|locate|when (?:will|does|is|"
    r"do)|has|did)\b.{0,40}\b(?:my|the) (?:\w+ )?"
    r"(?:orders?|parcels?|packages?|deliver\w+|shipments?|purchases?)\b|"
    r"\b(?:my|show|list|see|view|check) (?:my |me )?(?:last |latest |recent |previous |"
    r"past |order |purchase )*(?:orders?|purchases?|order history)\b|"
    r"\bwhat (?:did|have) i (?:\w+ )?(?:buy|bought|order|ordered)|\b(?:order|purchase|parcel) (?:status|#?\d)|"
    r"\b(?:where|status|track\w*)\b.{0,20}\b(?:order|purchase|parcel) #?[a-z]{1,6}[-/]?\d|"
    r"\btracking (?:number|code|id|link)\b|物流单号|快递单号|运单号|"
    r"\b(?:orders?|parcels?|packages?|deliver(?:y|ies)|shipments?)\b.{0,20}\b(?:never|not|(?:has|is|did|was|"
    r"were)n't|still) "
    r"(?:yet )?(?:arriv\w+|c[ao]me|been (?:shipped|delivered|sent)|delivered|shipped|here|received|dispatched)\b|"
    r"\b(?:not|never|(?:have|did)n't) (?:yet )?(?:receiv\w+|got|gotten|get) (?:my|the|any) (?:\w+ )?"
    r"(?:orders?|parcels?|packages?|deliver\w+)\b|\bstill waiting (?:for|on) (?:my|the)\b|"
    r"(?:订单|单号)[号:： ]?[A-Z]*\d[\dA-Z-]*.{0,8}(?:到哪|在哪|什么时候|状态|"
    r"还没|没收到|没到|到了|发货|物流|进度|签收|怎么样)|"
    r"(?<!\d)\d{5,}(?:.{0,3})(?:发货了|到了|签收了|寄出)|"
    r"我?(?:的)?(?:订单|包裹|快递|货)(?:一直|怎么|为什么|为啥|还|都|现在)?(?:还)?(?:没|签收|送到|寄到|走到|到哪)|"
    r"(?:怎么|为什么|为啥)(?:还|一直)?(?:没|不)(?:有)?(?:发货|收到|到货|送到|送来)|"
    r"一直没(?:到|收到|发货)|还没(?:收到货|发货|到货)|"
    r"(?:我的|我)?(?:订单|包裹|快递|(?<!发)(?<!送)(?<!补)(?<!退)(?<!有)货)(?:在哪|到哪|到了|状态|什么时候|怎么还|何时|"
    r"发货|查)|(?:查|看|查询|查看|跟踪|追踪)(?:一下)?(?:我的)?(?:订单|包裹|快递|物流)|"
    r"我(?:都)?(?:买过|买了|订过|下过)(?:什么|哪些)|我的订单",
    _I,
)
#: Of an order that is there: something is wrong with it, or it is to go back. Where it is, nobody asks then.
_ARRIVED = re.compile(
    r"\b(?:arrived|came|is|was|were|got here|showed up) (?:\w+ )?(?:broken|damaged|defective|smashed|cracked|faulty|"
    r"leaking|torn|crushed|incomplete)\b|\b(?:can|do|could|may|should|must) i (?:\w+ )?(?:return|send back|exchange)\b|"
    r"(?:破损|坏了|碎了|破了|裂了|漏了)",
    _I,
)
#: Product questions; group 1, where there is one, is what is asked about.
_PRODUCT: tuple[tuple[Act, re.Pattern[str]], ...] = (
    (
        Act.COMPATIBLE,
        re.compile(
            r"\b(?:compatible with|(?:fit|work|go)s? (?:with|on|in|for)|fits? (?:an?|the|my|all)|suitable for|"
            r"usable with)\b|"
            r"兼容|适配|适用于|能(?:用在|配|装|充|用吗)|可以(?:用在|配|装|充)|适合|放得下|装得下|用得了",
            _I,
        ),
    ),
    (
        Act.PRICE,
        re.compile(
            r"\b(?:how much|price of|prices? for|cost of|what does .{1,60} cost|what do .{1,60} cost|"
            r"how expensive|what is the price|what's the price|price|(?:which|what)(?: \w+)? (?:is|"
            r"are) (?:the )?cheaper)\b|"
            r"哪[个款](?:更)?(?:便宜|贵)|多少钱|价格|价钱|怎么卖|"
            r"几块|售价|贵不贵|什么价",
            _I,
        ),
    ),
    (
        Act.STOCK,
        re.compile(
            r"\b(?:in stock|out of stock|sold out|available|availability|how many .{1,60} (?:left|"
            r"in stock|do you have)|back in stock|still have|(?:will|is) (?:it|they|this|that) (?:be )?(?:back|"
            r"restocked))\b|有货|现货|库存|缺货|卖完|还有(?:没有|"
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
            r"features? of|ingredients? (?:of|in)|how (?:heavy|tall|wide|big|large|long is the|many watts)|"
            r"what(?:'s| is| are) .{1,60} made (?:of|from|out of)|differences? between|come(?:s)? in(?= \d|"
            r"to? \w))\b|什么(?:颜色|材质|牌子|品牌|尺码|尺寸|大小|"
            r"口味|成分|材料|区别|码)|有哪些(?:颜色|尺码|尺寸|口味|款式)|几(?:码|种颜色|升|瓦|寸|"
            r"斤)|多大|多重|多长|多宽|多高|介绍一下|详情|详细信息|成分",
            _I,
        ),
    ),
)
_RECOMMEND = re.compile(
    r"\b(?:gifts?|presents?) (?:for|under|below|idea)|\bsomething for (?:my|an?|the|him|her)\b|礼物|"
    r"\b(?:recommend\w*|suggest\w*|what should i (?:buy|get|order|try)|gift ideas?|"
    r"anything (?:new|good|nice)|surprise me|for me\?)\b|"
    r"推荐|有什么好|送什么|买什么好|给我看看(?:新|好)",
    _I,
)
#: How much it may cost: a number after such words that counts no kilogrammes, days or degrees.
_LIMIT = (
    r"(?:under|below|less than|up to|cheaper than|max(?:imum)?) [$€£¥]? ?\d++(?:[.,]\d++)?+"
    r"(?! ?(?:[cmk]?m|k?g|[mc]?l|k?w|lbs?|ft|inch(?:es)?|degrees?|met(?:er|re)s?|lit(?:er|re)s?|kilo\w*|watts?|hours?|"
    r"minutes?|days?|weeks?|months?|years?|people|persons?|times|percent)\b| ?[°℃%])"
)
_FIND = re.compile(
    r"\b(?:do you (?:have|sell|carry|stock)|have you got|looking for|look for|searching for|"
    r"show me|find me|i need an?|i want (?:a|an|to buy|some)|"
    r"i'd like (?:a|an|to buy|some)|are there any|got any|where can i find|like this|"
    r"(?:got|have|is there|are there) any|cheapest|least expensive|most expensive|"
    rf"{_LIMIT}|what .{{1,30}} do you (?:have|sell|stock)|"
    r"same as this|similar|in (?:red|blue|black|white|green|"
    r"yellow|pink|grey|gray|brown|another colou?r|size \w+))\b|"
    r"^\W*(?:(?:hi|hello|hey|so|and)\W+)?any (?!(?:discounts?|vouchers?|deals?|offers?|news|updates?|chance|way|ideas?|"
    r"questions?|problems?|luck|one|other|of)\b)\w|"
    r"有没有|有卖|卖不卖|你们(?:有|卖)|想(?:买|要)|找一?(?:个|下|款|件|双)|我要买|给我找|"
    r"^\W*(?:(?:请问|亲|你好|那么?|还|店里|这里|你们家?)[，,\s]*)*有(?!货|现货|人在).{1,20}(?:吗|么|嘛|没有|没|不)\W*$|"
    r"^.{1,16}(?:有|有卖)(?:吗|么|没有|没|不)\W*$|有.{0,12}(?:色|码|号|款)的?(?:吗|么|没)|"
    r"^\W*(?:看看|看一?下|来一?[个件双条款把台]|求|搜索?|找找)|最便宜|最贵|(?<!\d)\d+(?:块|元)?(?:以内|以下|左右|之内)|"
    r"类似|同款|这个有(?:红|蓝|黑|白|绿|黄|粉|灰)",
    _I,
)
#: A message that opens as a wish and tells of nothing that somebody has: ripped jeans, a cup that does not leak.
_WISH = re.compile(
    r"^(?!.*(?:\b(?:my|mine|arrived|received)\b|我的|收到))\W*(?:(?:hi|hello|hey|please|你好|您好|请问|亲)[\W]*)*"
    r"(?:(?:do you (?:have|sell|carry|stock)|have you got|(?:i'm |i am |we are )?looking for|show me|find me|"
    r"(?:are|is) there any|got any)\b|有没有|有卖|你们(?:有|卖)|想(?:买|要)|我?想找|找一?[个下款件双]|看看|求)",
    _I | re.DOTALL,
)
#: Words that make a "price" or "find" question one about the service instead.
_SERVICE = re.compile(
    r"\b(?:shipping|delivery|deliver\w*|postage|return\w*|refund\w*|cancel\w*|fees?|"
    r"penalt\w+|account|password|invoice|bill|payment|pay|"
    r"warrant\w+|guarantee\w*|newsletter|subscri\w+|address|express|customs|tax(?:es)?|"
    r"complain\w*|policy|policies|hours|contact|help|"
    r"assistance|support|agent|person|information|how to|discounts?|coupons?|gift.?wrap(?:ped|ping|s)?(?! paper)|"
    r"(?:plac|mak)(?:e|ing) (?:an?|the|my) order|check-?out|shopping cart)\b|"
    r"运费|邮费|配送|送货|发货|退货|退款|退换|取消|手续费|账[号户]|密码|发票|付款|支付|"
    r"保修|质保|售后|地址|税|投诉|政策|客服|营业时间|联系|优惠(?!价)|门店|实体店|赠品|包邮|包装(?![袋纸盒机]|.{0,4}[破坏碎漏损裂])|下单|购物车",
    _I,
)


#: What service words make a question comes before products: "how much is the delivery" asks no price of a product.
_IN_ORDER: tuple[tuple[Act, re.Pattern[str]], ...] = (
    (Act.HUMAN, _HUMAN),
    (Act.COMPLAINT, _COMPLAINT),
    (Act.ORDERS, _ORDERS),
    (Act.CHANGE, _ORDER_IT),
    (Act.QUESTION, _SERVICE),
    *_PRODUCT,
    (Act.FIND, _WISH),
    (Act.TROUBLE, _TROUBLE),
    (Act.RECOMMEND, _RECOMMEND),
    (Act.FIND, _FIND),
)
#: How much it may cost.
_BOUNDED = re.compile(
    r"\b(?:cheapest|least expensive|most expensive)\b|"
    rf"\b{_LIMIT}|"
    r"最便宜|最贵|(?<!\d)\d+(?:块|元)?(?:钱)?(?:以内|以下|左右|之内)",
    _I,
)


def about_service(text: str) -> bool:
    """Whether a question is one of deliveries, returns, payments and the like, whatever product it names."""
    return _SERVICE.search(text) is not None


def bounded(text: str) -> bool:
    """Whether a wish says what it may cost: it is one for products, whatever else its words may mean."""
    return _BOUNDED.search(text) is not None


def act_of(text: str) -> Act:
    """The first that fits; QUESTION where none does."""
    arrived = _ARRIVED.search(text) is not None
    fitting = (act for act, pattern in _IN_ORDER if not (arrived and act is Act.ORDERS) and pattern.search(text))
    return talk_of(text) or next(fitting, Act.QUESTION)
