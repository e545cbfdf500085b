"""What goes over the wire: pydantic types whose fields carry the names that shops already use."""
