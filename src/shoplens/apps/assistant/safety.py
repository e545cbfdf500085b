"""What is never done, whoever asks: follow instructions out of messages and documents, tell of others or of the inside.

These patterns only make refusals polite and early. What really protects is that answers are put together from sources
that the shop gave, that tools are asked for the signed-in person alone, and that no tool reaches settings, keys or
files: what is not matched here finds nothing either.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Literal

Refusal = Literal["instructions", "internals", "others"]

_I = re.IGNORECASE
_INVISIBLE = re.compile(r"[\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\u00ad\U000e0000-\U000e007f]")
_SPACED = re.compile(r"\b(?:\w[ .\-_*]){4,}\w\b")  # i g n o r e

#: Somebody wants to be obeyed rather than answered.
_INSTRUCTIONS = (
    r"\b(?:ignore|disregard|forget|override|bypass|skip|drop)\b.{0,40}\b(?:instruction|rule|prompt|guideline|polic|"
    r"restriction|filter|safety|above|previous|prior|programming|training|told)",
    r"\b(?:system|developer|hidden|initial|original|secret|internal)\W{0,3}(?:prompt|"
    r"message|instruction|polic|rule)s?\b",
    r"\b(?:you are|you're|act|behave|pretend|respond|roleplay|role-play|speak|play)\b.{0,30}\b(?:now|"
    r"as (?:if|an?|the|my)|like an?|to be)\b"
    r".{0,60}\b(?:dan|admin|administrator|developer|engineer|root|manager|owner|ceo|"
    r"employee|unrestricted|unfiltered|jailbr\w*|"
    r"hacker|assistant without|ai without|without (?:any )?(?:rules|limits|restrictions|"
    r"filters)|linux|terminal|shell|"
    r"database|grandm\w+|evil|supervisor|no (?:rules|restrictions|limits))",
    r"\b(?:jailbreak|dan mode|developer mode|god mode|debug mode|sudo|maintenance mode|admin mode|test mode)\b",
    r"\b(?:repeat|print|show|reveal|output|recite|display|echo|tell me|translate|summari[sz]e|"
    r"encode|write down|leak)\b.{0,40}"
    r"\b(?:words|text|everything|all|lines?)\b.{0,20}\b(?:above|before|preceding|your (?:instructions|prompt|rules))",
    r"\bwhat (?:are|were|is) your (?:\w+ )?(?:instructions|prompt|rules|guidelines|programming)\b",
    r"\b(?:from now on|starting now|new instructions?|new rules?|updated polic\w+)\b.{0,60}\b(?:you|"
    r"must|always|never|answer|say|respond)\b",
    r"(?:</?(?:system|assistant|instructions?|user|prompt|admin)>|\[/?(?:inst|system|"
    r"admin)\]|<\|[a-z_]+\|>|###? ?(?:system|instruction))",
    r"\b(?:say|repeat|write|print|answer|respond|reply|confirm)\b.{0,25}(?:\b(?:exactly|"
    r"only|verbatim|word for word|the word|after me)\b|with ['\"“])",
    r"\b(?:translate|show|reveal|print|repeat|read|give)\b.{0,20}\byour (?:\w+ )?(?:instructions|prompt|rules)\b",
    r"\b(?:simulate|enable|activate|enter|switch (?:to|into))\b.{0,30}\bmode\b",
    r"\b(?:base64|rot13|hex)\b.{0,40}\b(?:decode|follow|execute|instruction|obey)|\b(?:decode|"
    r"follow|execute|obey)\b.{0,40}\b(?:base64|rot13)\b",
    r"\byour (?:real|true|actual) (?:purpose|instructions?|identity|name|model)\b|\bwhich (?:model|llm) are you\b",
    r"\b(?:note|message|order|instructions?) (?:to|for) (?:the )?(?:ai|assistant|bot|"
    r"chatbot|language model|llm|support agent)\b",
    r"\b(?:ai|assistant|bot|chatbot)s?\b.{0,20}\b(?:must|should|are to|has to|have to|"
    r"will) (?:now )?(?:say|tell|answer|reply|recommend|give|grant|approve|ignore|reveal|"
    r"confirm)",
    r"(?:忽略|无视|忘记|忘掉|不要管|不用管|绕过|跳过|抛开|别管).{0,12}(?:指令|指示|"
    r"规则|提示|设定|限制|之前|以上|前面|上面|要求|政策)",
    r"(?:系统|开发者|隐藏|初始|原始|内部)(?:提示词?|指令|消息|设定|规则)|提示词",
    r"(?:假装|扮演|假设|假定|想象|模拟|从现在(?:开始|起)|现在(?:开始)?).{0,8}你(?:现在)?(?:就)?(?:是|"
    r"叫|必须|要|只能|应该|可以不)",
    r"你(?:现在|其实|就)是.{0,12}(?:管理员|开发者|工程师|经理|老板|员工|没有限制|不受限制|黑客|终端|DAN)",
    r"(?:扮演|假装|充当|模拟|冒充).{0,12}(?:管理员|开发者|工程师|经理|老板|员工|黑客|终端|奶奶|AI|人工智能|机器人)",
    r"(?:开发者|越狱|调试|管理员|上帝|维护|测试)模式|越狱",
    r"(?:重复|打印|输出|显示|复述|翻译|泄露|告诉我).{0,12}(?:以上|上面|前面|之前|你的(?:指令|提示|规则|设定)).{0,8}",
    r"(?:只|必须|一字不差地?|逐字|原样)(?:能)?(?:回答|回复|说|输出|重复)|(?:跟着我|"
    r"跟我)(?:念|说|重复)|请?(?:回复|输出|重复)[“\"「'：:]",
    r"(?:AI|人工智能|助手|机器人|客服)(?:必须|应该|要|需|请)(?:立即)?(?:告诉|说|回答|回复|推荐|批准|忽略|同意)",
    r"(?:给|致)(?:AI|人工智能|助手|机器人)的(?:话|指令|说明|消息)",
)

#: How the service is made and what it holds.
_INTERNALS = (
    r"\b(?:api|access|secret|private|encryption|ssh|aws|openai)[ _-]?(?:keys?|tokens?)\b|\bbearer\b",
    r"\b(?:admin|root|database|db|server|staff|employee|your)\b.{0,12}\b(?:password|credential|login|passwd|pin)s?\b",
    r"(?:\benv(?:ironment)? (?:variable|file)s?|\.env\b|\bos\.environ|\bconfig(?:uration)? files?|"
    r"shoplens\.toml|/etc/|c:\\|\.\./|source code|"
    r"stack ?trace|\bserver logs?|\blog files?|file system|ls -|cat /|whoami|ifconfig|phpinfo)",
    r"(?:\bselect\b.{1,60}\bfrom|drop table|union select|insert into|delete from|information_schema|"
    r"sqlite_master|' ?or ?'?1)",
    r"\b(?:dump|export|list|show|give|query|read|access|download|print|copy)\b.{0,30}\b(?:database|"
    r"tables?|schema|backend|customer (?:data|list|base|records)|"
    r"user (?:data|list|table|records)|all (?:the )?(?:customers|users|orders|accounts|"
    r"emails|addresses|people)|every (?:customer|user|order))",
    r"\b(?:wholesale|purchase|cost|supplier|internal) (?:price|cost|margin|discount code|"
    r"list|data|document|note|memo)s?\b|\bprofit margins?\b|\bstaff discounts?\b",
    r"\b(?:ip address|hostname|port number|internal (?:url|endpoint|api|network|ticket|wiki))\b",
    r"(?:接口|访问|私|API|api)密?钥|令牌|token|数据库|源代码|源码|配置文件|环境变量|"
    r"服务器(?:日志|密码|地址|IP)|后台(?:密码|账号|系统|数据|权限)|管理员(?:密码|账号|"
    r"权限)",
    r"(?:所有|全部|每个|全体)(?:的)?(?:客户|用户|顾客|会员|订单|员工).{0,10}(?:名单|"
    r"列表|数据|信息|资料|邮箱|电话|地址|记录)|(?:客户|用户|会员)(?:名单|列表|数据库)",
    r"进货价|成本价|利润率|供应商.{0,6}(?:价格|名单|合同)|内部(?:资料|文件|数据|系统|价格|折扣码|备忘)",
)

#: Things of somebody else.
_OTHERS = (
    r"\b(?:someone|somebody|anyone|anybody)(?: else)?'?s?\b.{0,30}\b(?:orders?|address|"
    r"phone|email|account|purchases?|history|data|card|parcel|package)",
    r"\b(?:my|his|her|their|the) (?:wife|husband|girlfriend|boyfriend|ex|neighbou?r|"
    r"boss|colleague|friend|mother|father|mom|dad|son|daughter|"
    r"roommate|sister|brother|partner|coworker|employee|tenant|landlord)(?:'s|s'|’s)?\b.{0,40}\b(?:order"
    r"s?|bought|ordered|address|phone|email|account|purchases?|history|buy|card|parcel|"
    r"package|password)",
    r"\b(?:orders?|address|phone(?: number)?|email|account|purchases?|history|data|"
    r"card|details|basket|cart)\b.{0,25}\b(?:of|for|from|belonging to|by) "
    r"(?:(?:the )?(?:customer|user|client|member|person|account|buyer|other)|mr\.?|"
    r"mrs\.?|ms\.?|dr\.?|someone|somebody|another|other|everyone|anyone|u\d+|[a-z]\w*@)",
    r"\b(?:customer|user|client|member|household|account)\b ?(?:id|number|no\.?|#|named|"
    r"called)?:? ?#?[\w-]*\d[\w-]*(?:'s|’s)?\b.{0,40}\b(?:orders?|bought|ordered|address|"
    r"phone|email|account|purchases?|history|data|basket|buy)",
    r"\b(?:what|which|where|when|did|does|has)\b.{0,25}\b(?:customer|user|client|member|"
    r"household)\b ?(?:id|number|no\.?|#)?:? ?#?\w*\d",
    r"\b(?:what|which) (?:did|do|have|has) (?:other|another|the other|previous|the previous|"
    r"your other|the last)\b.{0,15}\b(?:customer|user|person|people|client|shopper|"
    r"buyer)s?\b.{0,12}\b(?:buy|order|bought|ordered|ask|say|write|pay)",
    r"\b(?:i am|i'm|this is|log me in as|sign me in as|treat me as|switch to|switch me to|"
    r"impersonate|on behalf of)\b.{0,15}\b(?:customer|user|client|account|member|household)\b.{0,12}\w*\d",
    r"\b(?:log me in|sign me in|switch|impersonate)\b.{0,20}\b(?:as|to|into)\b.{0,20}\b(?:user|"
    r"account|customer|another|other|u\d+)",
    r"\b(?:previous|last|other|another) (?:customer|user|caller|person|chat|conversation|"
    r"visitor)'?s?\b.{0,30}\b(?:orders?|chat|conversation|message|question|ask\w*|said|"
    r"say|data|address|name|card|details)",
    r"\b(?:credit )?card (?:number|details|info\w*)s?\b.{0,30}\b(?:of|for|on file|saved|stored)\b",
    r"(?:别人|他人|其他人|其他(?:客户|用户|顾客|会员)|另一个?(?:客户|用户|顾客|会员)|"
    r"某个(?:客户|用户)|上一[个位](?:客户|用户|顾客)|前一[个位](?:客户|用户|顾客)).{0,16}"
    r"(?:订单|地址|电话|邮箱|账[号户]|购买|买了|信息|记录|资料|聊天|对话|说了|问了|卡号|包裹)",
    r"我?(?:的)?(?:老婆|妻子|老公|丈夫|女朋友|男朋友|前任|前妻|前夫|邻居|老板|同事|"
    r"朋友|妈妈|爸爸|室友|儿子|女儿|姐姐|哥哥).{0,16}(?:订单|地址|电话|邮箱|账[号户]|"
    r"买了|购买|下单|包裹|密码|记录)",
    r"(?:用户|客户|会员|顾客|账[号户])(?:编号|号|ID|id)?[:： ]?[A-Za-z]*\d+.{0,16}(?:订单|"
    r"地址|电话|邮箱|账[号户]|买|购买|信息|记录|资料)",
    r"(?:订单|地址|电话|邮箱|信息|记录|资料).{0,8}(?:用户|客户|会员|顾客)(?:编号|号|ID|id)?[:： ]?[A-Za-z]*\d+",
    r"我(?:就|其实)?是(?:用户|客户|会员|管理员|店长|老板|员工)(?:编号|号|ID|id)?[:： ]?\w*|"
    r"(?:以|用)(?:用户|客户|会员|管理员).{0,8}(?:身份|登录|登陆)|(?:帮我)?(?:登录|切换到).{0,8}(?:别人|"
    r"其他|另一)",
)

_PATTERNS: tuple[tuple[Refusal, tuple[re.Pattern[str], ...]], ...] = (
    ("instructions", tuple(re.compile(one, _I | re.DOTALL) for one in _INSTRUCTIONS)),
    ("others", tuple(re.compile(one, _I | re.DOTALL) for one in _OTHERS)),
    ("internals", tuple(re.compile(one, _I | re.DOTALL) for one in _INTERNALS)),
)


#: Words put into a reader's mouth; honest documents ask to be told, written to and answered, not to say something.
_TOLD_TO_SAY = re.compile(
    r"^(?:please )?(?:(?:say|output|respond|reply)\b(?! to us| to our| by )|repeat after|"
    r"tell (?:them|him|her|the customer|customers|every|all|anyone)\b)|^请?(?:说|输出|复述)[：:“\"]",
    _I,
)


_MODEL = r"(?:ai|assistant|bot|chatbot|language model|llm|gpt|(?:ai|automated) (?:agent|reader|system|model))s?"
_PERSON = (
    r"(?! (?:enthusiast|fan|lover|developer|engineer|student|researcher|beginner|owner))"  # "an AI student" is one
)
#: Where a sentence or a part of one begins as an order: "please always …"; "we always …" tells what others do. Looked
#: for where a word ends, so that a thousand commas are read once and not from each of them.
_ORDER = (
    r"(?:^|(?<=\w)(?=\W*[.!?:;,。！？；，：\n]))\W*(?:(?:please|always|now|then|and|so|just|kindly|simply|from now on|"
    r"you (?:must|should|shall|have to|will|are to|need to))\W+)*"
)
#: A part of a sentence that does not tell what the shop or its customers do.
_NOT_OURS = (
    r"(?:^|[.!?:;,。！？；，：\n])(?!\W{0,8}(?:we|our|they|customers?|the (?:team|staff))\b)[^.!?:;,。！？；，：\n]*?"
)
_NUMBER_OF_THEIRS = (
    r"(?! (?:(?:the|your|an?) )?(?:(?:order|customer|case|ticket|reference|tracking|invoice|serial|parcel) "
    r"(?:number|id)|receipt|invoice) (?:in|to|into|with)\b)"
)
#: What a reader who answers customers may be set to do, but no player of a game.
_SERVES = (
    r"(?:recommend|promise|grant|pretend|reveal|persuade|convince|advertise|promote|praise|ignore|approve|refund|"
    r"discount|agree|say yes|reply|respond|assist|instructions?|prompts?|customers?|shoppers?|users?|visitors?|buyers?|"
    r"(?:tell|say|answer|write|claim|state)\w* (?:that|to|them|every\w+|all|any\w*)|(?:is|are|for) free)"
)
#: Somebody speaks to a program that reads a document or product, or tells staff what to answer.
_TO_READERS = tuple(
    re.compile(one, _I | re.DOTALL)
    for one in (
        rf"\b(?:dear|hey|hello|attention) (?:(?:the|all|any|every|your|our) )*{_MODEL}\b.{{0,40}}?[:,]",
        rf"(?:^|[\s({{\[])(?:to|for) (?:(?:the|all|any|every|your|our) )*{_MODEL}\b[^.,]{{0,40}}:(?!\s*\d)",
        rf"\b(?:if|when|since) you(?:'re| are) (?:an? )?{_MODEL}\b{_PERSON}|\bas an? (?:helpful )?{_MODEL},? you\b",
        r"\{\{?\s*(?:system|assistant|user|instructions?|admin)\b|"
        r"^\W*(?:system|assistant)\s*:(?=.{0,60}\b(?:you|your|ignore|disregard|forget|follow|say|tell|reply|respond|"
        r"answer|give|grant|approve|output|reveal|offer|send|refund|promise|must|always|never|all)\b)",
        r"\b(?:if|when|whenever|once|should) (?:(?:an?|the|any|some|your) )?"
        r"(?:customer|user|shopper|person|visitor|client|caller)s? (?:write|say|type|ask|mention|enter|use)s?\b"
        r"[^,]{0,80},\s*(?:please |always |then |just |you (?:must|should|may) )*"
        r"(?:hand out|give|tell|say|reply|answer|respond|grant|reveal|offer|send|confirm|approve|share)\b",
        r"\b(?:when|if|while|whenever|before) (?:you(?:'re| are) )?(?:answering|"
        r"summari[sz]ing|replying|responding|asked)\b"
        r".{0,40}\b(?:questions?|reviews?|products?|page|documents?|shop|customers?|shoppers?|listing)\b.{0,40}"
        r"\b(?:state|say|add|tell|mention|write|claim|answer|reply|include|recommend)\b",
        rf"{_ORDER}(?:answer|reply to|respond to) (?:every|all|any|each) "
        r"(?:questions?|requests?|customers?|messages?)\b",
        r"\b(?:answer|reply to|respond to) (?:every|all|any|each) (?:questions?|requests?|customers?|messages?)\b"
        r"[^.]{0,60}\b(?:with|by saying|that)\s*[:'\"“‘]",
        r"\byour (?:new |next |real )(?:task|job|role|goal|objective) (?:is|are)(?: now)? (?:to|that)\b",
        r"\byour (?:task|job|role|goal|objective) (?:is|are) now\b",
        rf"\byour (?:only )?(?:task|job|role|goal|objective) (?:is|are) (?:to|that)\b"
        rf".{{0,80}}\b(?:{_SERVES}|{_MODEL})\b",
        r"\byou (?:must|should|shall|have to) (?:now |always |only |"
        r"never )*(?:recommend|promise|grant|pretend|reveal"
        r"(?! your (?:\w+ )?(?:passwords?|pins?|passcode|codes?|card|login|credentials)\b))\b",
        r"\bend of (?:the |this )?(?:document|context|source)s?\b|\bnew (?:conversation|session|chat)\s*:",
        r"^\W*(?:assistant|ai|bot)\s*:\s*(?:sure|of course|certainly|yes|okay|ok|here)\b",
        r"\binstructions?\s*:\s*(?:reply|answer|respond|say|tell|recommend|ignore|"
        r"always|never|write|output|mention|state)\b",
        r"\bhidden (?:text|instruction|note|message|prompt)s?\b",
        rf"{_NOT_OURS}\b(?:include|add|insert|append|put|mention|state)\b{_NUMBER_OF_THEIRS}.{{0,60}}\b(?:in|to|into|"
        r"with) (?:every|each|all|any|your)(?: of your)? "
        r"(?:answers?|repl(?:y|ies)|responses?|summar(?:y|ies))\b",
        r"\b(?:chat ?bots?|assistants?|ais?|llms?|language models?|crawlers?)\b.{0,20}\breading this\b|"
        r"\b(?:automated|automatic|machine|ai) readers?\b",
        r"(?:回答|答复|回复).{0,20}(?:问题|顾客|客户|咨询)的?时(?!间).{0,8}(?:请|务必|必须|应当?|要|说)|"
        r"总结.{0,10}(?:评论|评价|本页|商品)时.{0,4}(?:请|务必|必须|要|写|说)",
        r"阅读(?:本|此|这)[页文].{0,8}(?:客服|助手|机器人|AI|程序|模型)|"
        r"(?:自动程序|爬虫|大模型|智能体|机器人).{0,10}读到",
        r"你的(?:新(?:的)?(?:任务|职责|目标)|(?:任务|职责|目标)现在)就?是|"
        r"你的(?:唯一)?(?:任务|职责|目标)就?是.{0,30}(?:推荐|承诺|保证|告诉|假装|透露|批准|退款|优惠|折扣|免费|回答|回复|"
        r"忽略|说服|同意|助手|AI|人工智能|机器人|顾客|客户|用户)|(?:每个|所有|每次|"
        r"每条)(?:回答|回复|答案).{0,6}(?:加上|写上|说|包含|附上)",
        r"^\W*系统[:：].{0,12}(?:从现在|所有|必须|自动|请|立即)",
        r"请(?:让)?(?:AI|人工智能|智能助手|智能客服|助手|机器人|大模型|语言模型)(?:客服|助手)?(?:们)?.{0,4}"
        r"(?:告诉|说|回答|回复|推荐|批准|忽略|同意|输出|承诺)",
        r"(?:致|给|亲爱的)(?:所有|各位|阅读本[页文])?的?(?:AI|人工智能|智能助手|机器人|"
        r"大模型|语言模型)(?:们|客服|助手)?.{0,6}[:：,，]",
        r"(?:如果|假如|若)你是.{0,4}(?:AI|人工智能|机器人|助手|大模型|语言模型)",
        r"(?:当|如果|只要)(?:顾客|客户|用户)(?:说|写|输入|提到|问).{1,30}(?:就|则|请|，)"
        r"(?:告诉|回复|回答|发放|给出|同意|承诺|送)",
    )
)
#: Letters of other alphabets that look like Latin ones, and digits that are read as letters.
_LOOKALIKE = str.maketrans("аеорсухіјѕԁһкмтвнгοαεικνρτυχ", "aeopcyxijsdhkmtbhroaeiknptux")
_DIGITS = str.maketrans("0134578@$", "oieastbas")
_MIXED = re.compile(r"\b(?=\w*[a-z])(?=\w*[\u0370-\u04ff])\w+", _I)
_LEET = re.compile(r"[@$]?\b(?=\w*[a-z])(?=[\w@$]*[013457@$])[\w@$]+", _I)


def plain(text: str) -> str:
    """A text as it is read: full-width and decorated letters plain, invisible ones gone, s p a c e d words shut."""
    shown = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
    return _SPACED.sub(lambda found: re.sub(r"[ .\-_*]", "", found[0]), shown)


def unmasked(text: str) -> str:
    """A text as it is judged: `plain`, and where letters of two alphabets or digits stand in words, once more with the
    letters that they stand for."""
    read = plain(text)
    folded = _MIXED.sub(lambda found: found[0].lower().translate(_LOOKALIKE), read)
    folded = _LEET.sub(lambda found: found[0].translate(_DIGITS), folded)
    return read if folded == read else f"{read}\n{folded}"


def why_refused(text: str) -> Refusal | None:
    """Why a message is not answered as asked, None when nothing speaks against it."""
    read = unmasked(text)
    return next((kind for kind, patterns in _PATTERNS if any(one.search(read) for one in patterns)), None)


@lru_cache(maxsize=4_000)
def speaks_to_us(sentence: str) -> bool:
    """Whether a sentence of a document, product or review gives orders to whoever reads it: it is never quoted."""
    read = unmasked(sentence)
    return _TOLD_TO_SAY.match(read) is not None or any(one.search(read) for one in (*_PATTERNS[0][1], *_TO_READERS))
