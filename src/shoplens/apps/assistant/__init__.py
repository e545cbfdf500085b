"""A customer-service assistant: what it says stands in the shop's documents, catalogue, orders or past dialogues.

from shoplens.apps.assistant import Assistant, Turn

reply = assistant.turn(Turn(text="can I return shoes?"))
print(reply.text, [one.title for one in reply.sources])
"""

from shoplens.apps.assistant.dialogue import Assistant
from shoplens.apps.assistant.turns import Reply, Sentence, Source, Turn

__all__ = ["Assistant", "Reply", "Sentence", "Source", "Turn"]
