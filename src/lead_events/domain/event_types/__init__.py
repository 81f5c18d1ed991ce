"""The event catalogue; import from here, not from the modules inside."""

from lead_events.domain.event_types.fields import Privacy, Properties
from lead_events.domain.event_types.registry import TYPES, EventType, is_public, json_schema
from lead_events.domain.event_types.traits import Traits

__all__ = ["TYPES", "EventType", "Privacy", "Properties", "Traits", "is_public", "json_schema"]
