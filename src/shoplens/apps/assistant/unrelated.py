"""Questions that have nothing to do with a shop, English and Chinese: what "out of scope" is measured with, and what
thresholds of retrieval are set by. Written for this purpose."""

from __future__ import annotations

UNRELATED: tuple[str, ...] = (
    "what is the capital of Australia", "who won the world cup in 1998", "how tall is mount everest",
    "write me a poem about the sea", "what's the weather like tomorrow", "how do I boil an egg",
    "can you solve this equation for x", "tell me a joke about cats", "when did the roman empire fall",
    "how far is the moon from the earth", "what does photosynthesis mean", "translate good morning into french",
    "who painted the mona lisa", "why is the sky blue", "how many people live in brazil",
    "what is the plot of hamlet", "how do airplanes fly", "should I break up with my boyfriend",
    "what medicine helps against a headache", "how do I fix a leaking tap", "explain quantum entanglement",
    "who is the president of france", "what is a good name for a dog", "how long do elephants live",
    "give me a workout plan for beginners", "what happened in the news this morning", "how do I learn to swim",
    "which stocks will rise next year", "write a python function that sorts numbers", "what is the meaning of life",
    "how do volcanoes erupt", "what is the best route from london to paris", "when is the next solar eclipse",
    "who wrote war and peace", "how do I get a visa for japan", "is there life on mars", "what is the speed of light",
    "how do I train for a marathon", "what language do they speak in ghana", "can dogs eat chocolate",
    "澳大利亚的首都是哪里", "明天天气怎么样", "给我讲个笑话", "写一首关于春天的诗", "珠穆朗玛峰有多高", "月亮离地球有多远",
    "谁写了红楼梦", "为什么天空是蓝色的", "怎么煮鸡蛋", "头疼吃什么药", "光速是多少", "罗马帝国什么时候灭亡",
    "法国总统是谁", "如何学游泳", "狗可以吃巧克力吗", "解释一下量子纠缠", "飞机为什么能飞", "帮我写一段排序代码",
    "人生的意义是什么", "下次日食是什么时候", "巴西有多少人口", "今天有什么新闻", "我该不该和男朋友分手", "火星上有生命吗",
    "把早上好翻译成法语", "明年哪只股票会涨", "大象能活多少年", "怎么申请日本签证", "蒙娜丽莎是谁画的", "给我一个健身计划",
)  # fmt: skip
