"""A pretend Kling, as strict as the contract. It never imports our client.

Rooms: ``families`` what each endpoint refuses and makes (``family`` what an endpoint is, ``derived`` those nobody
wrote, ``shop`` what an endpoint may ask of the account); ``routes`` which path does what; ``auth``, ``checks``,
``capability``, ``pictures``, ``sources`` what is refused; ``state``, ``packs``, ``prices``, ``life``, ``order``,
``folder``, ``presets`` what is remembered; ``wire``, ``shapes``, ``lists``, ``account`` what is answered; ``files``,
``render``, ``samples``, ``sample_*`` what is made; ``faults`` trouble; ``callbacks``; ``control`` behind the counter;
``app`` all of it as one ASGI application.
"""
