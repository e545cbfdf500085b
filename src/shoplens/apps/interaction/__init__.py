"""A conversation about what to buy: by words, photos, speech and video, over several turns.

from shoplens.apps.interaction import Interaction, Turn

talk = Interaction(search, facts)
first = talk.turn(Turn(text="red dress under 50"))
second = talk.turn(Turn(session_id=first.session_id, text="the second one, but cheaper"))
"""

from shoplens.apps.interaction.conversation import Interaction
from shoplens.apps.interaction.turns import PhotoAsk, Reply, Turn

__all__ = ["Interaction", "PhotoAsk", "Reply", "Turn"]
