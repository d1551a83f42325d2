"""Reads TensorBoard's records: an 8-byte length, its checksum, an event, its checksum."""

import struct


def values(path):
    """Yield (step, value) of all events of a file."""
    from tensorboardX.proto.event_pb2 import Event

    data, at = path.read_bytes(), 0
    while at < len(data):
        (length,) = struct.unpack_from("<Q", data, at)
        event = Event.FromString(data[at + 12 : at + 12 + length])
        at += 16 + length
        yield from ((event.step, value) for value in event.summary.value)
