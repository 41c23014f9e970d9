"""A pretend Kling, as strict as the contract. It never imports our client.

Rooms: ``routes`` which path does what; ``auth``, ``legacy``, ``standard``, ``capability``, ``pictures`` what is
refused; ``state``, ``life``, ``order``, ``folder`` what is remembered; ``wire``, ``shapes``, ``lists``, ``account``,
``files`` what is answered; ``faults`` trouble; ``callbacks``; ``app`` all of it as one ASGI application.
"""
