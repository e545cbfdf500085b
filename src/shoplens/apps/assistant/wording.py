"""What the assistant says by itself, English and Chinese; nothing here states a fact about the shop."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

SENTENCES: Mapping[str, tuple[str, str]] = {
    "greeting": ("Hello! How can I help you?", "您好！有什么可以帮您？"),
    "thanks": ("You are welcome. Is there anything else?", "不客气。还有什么可以帮您？"),
    "noted": ("All right. What else can I do for you?", "好的。还有什么可以帮您？"),
    "about": (
        "I am this shop's assistant, a program. Ask me about products, your orders, or the shop's policies; I can also "
        "ask a colleague to take over.",
        "我是本店的智能助手，是一个程序。商品、您的订单和店铺政策的问题都可以问我，也可以转人工。",
    ),
    "insult": (
        "Tell me what went wrong, and I will see what I can do. I can also ask a colleague to take over.",
        "请告诉我遇到了什么问题，我尽力帮忙，也可以转人工。",
    ),
    "complaint": (
        "I am listening: please tell me what it is about, with the order number if there is one.",
        "请告诉我具体情况，如有订单号请一并提供。",
    ),
    "change": (
        "I cannot order anything or change a cart for you: please do that in the shop.",
        "我无法代您下单或修改购物车，请在商品页面操作。",
    ),
    "goodbye": ("Goodbye, and come back any time.", "再见，欢迎随时再来。"),
    "sorry": ("I am sorry for the trouble.", "很抱歉给您带来不便。"),
    "refused_instructions": (
        "I only answer questions about this shop, its products and your orders. What would you like to know?",
        "我只回答与本店、商品和您的订单有关的问题。您想了解什么？",
    ),
    "refused_internals": (
        "I cannot tell you about that. I can help with products, orders and the shop's policies.",
        "这方面的内容我无法提供。商品、订单和店铺政策的问题我可以帮忙。",
    ),
    "refused_others": (
        "I can only speak about your own orders and data, once you are signed in.",
        "我只能在您登录后提供您本人的订单和信息。",
    ),
    "unknown": (
        "I do not know that, and I would rather not guess. Could you say it in other words?",
        "这个我不清楚，也不想乱猜。能换个说法再问一次吗？",
    ),
    "unknown_product": ("The catalogue does not say that of {title}.", "商品目录里没有说明{title}的这一点。"),
    "unknown_part": ("As to question {number}: I do not know that.", "第{number}个问题：我不清楚。"),
    "sign_in": ("To see your orders, please sign in first.", "请先登录，才能查看您的订单。"),
    "no_orders": ("I find no orders of yours.", "没有找到您的订单。"),
    "no_such_order": ("I find no order with that number among yours.", "您的订单里没有这个编号。"),
    "no_status": ("I cannot see from here where it is now.", "我这里看不到它目前的位置。"),
    "orders": ("Here is what I find:", "为您查到："),
    "shown": ("Here is what fits:", "为您找到这些："),
    "nearest": ("I find nothing that is exactly so. This comes nearest:", "没有完全符合的，最接近的是："),
    "other_money": (
        "Prices here are in {ours}; I do not convert, so the limit in {theirs} is left out.",
        "本店价格以 {ours} 计，无法换算，{theirs} 的价格限制未计入。",
    ),
    "recommended": ("You may like these:", "您可能会喜欢："),
    "sold_out": ("At the moment that cannot be bought:", "目前无法购买："),
    "nothing_found": ("I find nothing like that in the catalogue.", "目录里没有找到类似的商品。"),
    "which_product": ("Which product do you mean?", "您指的是哪件商品？"),
    "which_slot": ("Could you tell me the {what}?", "请告诉我{what}。"),
    "which_intent": ("What do you mean: {first}, or {second}?", "您是想问：{first}，还是{second}？"),
    "offer_human": ("Shall I ask a colleague to take over?", "需要转人工吗？"),
    "handover_open": (
        "I am handing over to a colleague, who sees our conversation and will answer here.",
        "正在为您转接人工客服，同事会看到我们的对话并在这里回复您。",
    ),
    "handover_closed": (
        "I have passed this on to a colleague, who sees our conversation. People answer here {hours}; the next "
        "time from {opens}.",
        "已为您转交人工客服，同事会看到我们的对话。人工服务时间：{hours}，下次开始于{opens}。",
    ),
    "waiting_open": (
        "Your message is noted. A colleague takes over as soon as somebody is free. Write “cancel” to go on with me.",
        "您的消息已记下，人工客服空闲后会马上接手。想继续由智能助手回答，请写“取消人工”。",
    ),
    "waiting_closed": (
        "Your message is noted. People answer here {hours}; the next time from {opens}. Write “cancel” to go on "
        "with me.",
        "您的消息已记下。人工服务时间：{hours}，下次开始于{opens}。想继续由智能助手回答，请写“取消人工”。",
    ),
    "with_agent": (
        "A colleague has this conversation and reads your message.",
        "同事正在处理本次对话，会看到您的消息。",
    ),
    "left": ("You no longer wait for a colleague. How can I help you?", "已取消转人工，由智能助手继续为您服务。"),
    "returned": (
        "I am the shop's assistant again. How can I help you?",
        "现在由智能助手继续为您服务。还有什么可以帮您？",
    ),
    "closed": (
        "The colleague has closed this conversation. Whatever you write next, the assistant answers.",
        "同事已结束本次人工服务。之后的消息由智能助手回复。",
    ),
    "tool_failed": ("I cannot look that up at the moment.", "暂时无法查询。"),
}
DAYS = (("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"), ("周一", "周二", "周三", "周四", "周五", "周六", "周日"))
SLOTS: Mapping[str, tuple[str, str]] = {
    "order_id": ("order number", "订单号"),
    "invoice_id": ("invoice number", "发票号"),
    "refund_amount": ("amount", "金额"),
    "email": ("e-mail address", "邮箱地址"),
    "account_type": ("type of account", "账户类型"),
    "delivery_city": ("city", "城市"),
    "delivery_country": ("country", "国家"),
    "person_name": ("name", "姓名"),
}


def say(language: str, name: str, **values: str) -> str:
    """A sentence in this language."""
    return SENTENCES[name][language == "zh"].format(**values)


def moment_name(language: str, moment: datetime) -> str:
    """A day of the week and a time of day."""
    day = DAYS[language == "zh"][moment.weekday()]
    return f"{day} {moment:%H:%M}"


def slot_name(language: str, name: str) -> str:
    """What a slot is called when it is asked for."""
    known = SLOTS.get(name)
    return known[language == "zh"] if known is not None else name.replace("_", " ")
